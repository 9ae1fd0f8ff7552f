#include "dr/adapters/s3.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "adapters/s3/credentials.h"
#include "adapters/s3/object_name.h"
#include "adapters/s3/s3_fixture.h"
#include "adapters/s3/sigv4.h"
#include "adapters/s3/xml.h"
#include "dr/status.h"

namespace dr::s3_test {
namespace {

S3Credentials Example() {
  return {.access_key_id = "AKIAIOSFODNN7EXAMPLE",
          .secret_access_key = Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")};
}

std::string SignatureOf(const S3Request& request) {
  const absl::Time time = absl::FromCivil(absl::CivilSecond(2013, 5, 24), absl::UTCTimeZone());
  const std::string authorization =
      SignedHeaders(request, Example(), "us-east-1", time).back().second;
  return authorization.substr(authorization.rfind('=') + 1);
}

TEST_CASE("Signatures are those that AWS publishes for its examples") {
  const std::string host = "examplebucket.s3.amazonaws.com";
  CHECK(SignatureOf({.method = "GET",
                     .host = host,
                     .path = "/test.txt",
                     .headers = {{"range", "bytes=0-9"}}}) ==
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  CHECK(SignatureOf({.method = "PUT",
                     .host = host,
                     .path = "/" + PercentEncode("test$file.text", Slash::kKeep),
                     .headers = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                                 {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                     .body = "Welcome to ",
                     .more_body = "Amazon S3."}) ==
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  CHECK(SignatureOf({.method = "GET", .host = host, .query = {{"lifecycle", ""}}}) ==
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  CHECK(
      SignatureOf({.method = "GET", .host = host, .query = {{"prefix", "J"}, {"max-keys", "2"}}}) ==
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST_CASE("Names of objects keep the order of keys and lead back to them") {
  std::vector<std::string> keys;
  for (int a = 0; a < 256; ++a) {
    keys.push_back(std::string(1, static_cast<char>(a)));
    for (int b = 0; b < 256; b += 5) {
      keys.push_back({static_cast<char>(a), static_cast<char>(b)});
    }
  }
  std::sort(keys.begin(), keys.end());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::string name = ObjectNameOf(keys[i]);
    CHECK(KeyOfObjectName(name) == keys[i]);
    CHECK(name.find_first_of(std::string_view(" \0\x7f", 3)) == name.npos);
    if (i > 0) CHECK(ObjectNameOf(keys[i - 1]) < name);
  }
  CHECK(ObjectNameOf("runs/1.x") == "runs/1.x");
  for (const char* name : {"!", "!~probe-1", "!z", "a b", "~", "~z", "\xc3\xa9"}) {
    INFO(name);
    CHECK_FALSE(KeyOfObjectName(name));
  }
}

TEST_CASE("A listing that is cut, of another kind or with a document type is refused") {
  const std::string good =
      "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
      "<IsTruncated>true</IsTruncated><EncodingType>url</EncodingType>"
      "<Contents><Key>a%2Fb%26</Key><Size>24</Size></Contents></ListBucketResult>";
  const absl::StatusOr<S3Listing> listing = ParseS3Listing(good);
  REQUIRE(listing.ok());
  CHECK(listing->truncated);
  REQUIRE(listing->objects.size() == 1);
  CHECK(listing->objects[0].name == "a/b&");
  CHECK(listing->objects[0].bytes == 24);
  for (std::size_t cut = 0; cut < good.size(); ++cut) {
    CHECK_FALSE(ParseS3Listing(good.substr(0, cut)).ok());
  }
  CHECK_FALSE(ParseS3Listing("<!DOCTYPE x [<!ENTITY a \"b\">]>" + good.substr(21)).ok());
  CHECK_FALSE(ParseS3Listing("<Error><Code>SlowDown</Code></Error>").ok());
}

TEST_CASE("Names in a listing are decoded where the store says that they are encoded") {
  for (const bool is_encoded : {true, false}) {
    const auto listing = ParseS3Listing(fmt::format(
        "<ListBucketResult><IsTruncated>false</IsTruncated>"
        "<Contents><Key>a%2Fb&amp;</Key><Size>24</Size></Contents>{}</ListBucketResult>",
        is_encoded ? "<EncodingType>url</EncodingType>" : ""));
    REQUIRE(listing.ok());
    CHECK(listing->objects.at(0).name == (is_encoded ? "a/b&" : "a%2Fb&"));
  }
  for (const char* name : {"a%2", "a%2g", "%", ""}) {
    INFO(name);
    CHECK_FALSE(ParseS3Listing(fmt::format("<ListBucketResult><IsTruncated>false</IsTruncated>"
                                           "<EncodingType>url</EncodingType><Contents><Key>{}</Key>"
                                           "<Size>24</Size></Contents></ListBucketResult>",
                                           name))
                    .ok());
  }
}

TEST_CASE("An error document says its code") {
  const auto error =
      ParseS3Error("<Error><Code>SlowDown</Code><Message>a &amp; b</Message></Error>");
  REQUIRE(error);
  CHECK(error->code == "SlowDown");
  CHECK(error->message == "a & b");
  CHECK_FALSE(ParseS3Error("<ListBucketResult/>"));
  CHECK_FALSE(ParseS3Error(""));
}

TEST_CASE("A profile of the shared file is found, and nothing of the file is in an error") {
  const std::string text =
      "# keys\n[default]\naws_access_key_id = A\naws_secret_access_key=canary-1\n\n[other]\n"
      "aws_access_key_id=B\r\naws_secret_access_key = canary-2\r\naws_session_token = T\n[half]\n"
      "aws_secret_access_key = canary-3\n";
  const auto keys = ParseS3Credentials(text, "default", "file");
  REQUIRE(keys.ok());
  CHECK(keys->access_key_id == "A");
  CHECK(keys->secret_access_key.Reveal() == "canary-1");
  CHECK(keys->session_token.empty());
  CHECK(ParseS3Credentials(text, "other", "file")->session_token.Reveal() == "T");
  for (const char* profile : {"half", "missing"}) {
    const absl::Status status = ParseS3Credentials(text, profile, "file").status();
    CHECK(absl::IsUnauthenticated(status));
    CHECK(status.ToString().find("canary") == std::string::npos);
  }
}

TEST_CASE("What is no bucket, or has keys in it, is refused by name") {
  Machine machine;
  for (const char* uri :
       {"s3://ab/x", "s3://user:secret@bucket/x", "s3://bucket:80/x",
        "s3://bucket?endpoint=ftp://h", "s3://bucket?style=other", "s3://bucket?region=a%20b",
        "s3://bucket?secret=x", "s3://bucket?endpoint=http://h/path"}) {
    INFO(uri);
    const absl::Status status = OpenStore(machine, uri).status();
    CHECK(absl::IsInvalidArgument(status));
    CHECK(status.ToString().find(":secret") == std::string::npos);
  }
}

TEST_CASE("Ceph's gateway is fence-safe") {
  Machine machine;
  auto store = OpenStore(machine, Variable("DR_TEST_S3"));
  INFO(store.status().ToString());
  REQUIRE(store.ok());
  CHECK((*store)->capabilities().fence_safe);
  CHECK((*store)->capabilities().weaknesses.empty());
}

// Another server's reading of the signature.
TEST_CASE("Swift's S3 takes what was signed, refuses a wrong secret, and offers no fence") {
  Machine machine;
  const std::string uri = Variable("DR_TEST_SWIFT");
  std::ifstream file(Variable("DR_TEST_AWS_SHARED_CREDENTIALS_FILE"));
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto keys = ParseS3Credentials(text, "swift", "the shared file");
  REQUIRE(keys.ok());
  const absl::Status refused =
      OpenStore(machine, uri, Keys(keys->access_key_id, "canary-secret")).status();
  CHECK(absl::IsUnauthenticated(refused));
  CHECK(refused.ToString().find("SignatureDoesNotMatch") != std::string::npos);
  CHECK(refused.ToString().find("canary") == std::string::npos);
  auto store = OpenStore(machine, uri,
                         Keys(keys->access_key_id, std::string(keys->secret_access_key.Reveal())));
  INFO(store.status().ToString());
  REQUIRE(store.ok());
  const Capabilities& can = (*store)->capabilities();
  CHECK_FALSE(can.if_absent);
  CHECK_FALSE(can.if_version);
  CHECK_FALSE(can.fence_safe);
  const std::string why = fmt::format("{}", fmt::join((*store)->capabilities().weaknesses, "\n"));
  INFO(why);
  CHECK(why.find("If-None-Match: * does not hold here: a first Put was answered with 501") !=
        std::string::npos);
  CHECK(why.find("If-Match does not hold here") != std::string::npos);
  CHECK(why.find("wrong signature") == std::string::npos);
  for (const PutCondition condition : {PutCondition::kIfAbsent, PutCondition::kIfVersion}) {
    CHECK(absl::IsUnimplemented(
        (*store)->Put("k", "v", {.condition = condition, .version = {"0"}}, {}).status()));
  }
}

TEST_CASE(
    "D3: A server is believed only with a certificate of its host, in time, of a known authority") {
  Machine machine;
  const std::string tls = Variable("DR_TEST_S3_TLS");
  const std::string ca = "&ca=" + Variable("DR_TEST_S3_CA");
  auto store = OpenStore(machine, tls + ca);
  INFO(store.status().ToString());
  REQUIRE(store.ok());
  CHECK((*store)->capabilities().fence_safe);
  const std::string key = machine.OwnPrefix(), value(1 << 20, 'v');
  REQUIRE((*store)->Put(key, value, {}, {}).ok());
  CHECK((*store)->Get(key, {})->value == value);

  std::string other_host = tls;
  other_host.replace(other_host.find("localhost"), 9, "127.0.0.1");
  const std::string expired = Variable("DR_TEST_S3_EXPIRED");
  for (const std::string& uri :
       {tls, other_host + ca, expired + ca, tls + "&ca=/etc/hostname", tls + "&ca=/nowhere"}) {
    const absl::Status refused = OpenStore(machine, uri).status();
    INFO(uri << ": " << refused.ToString());
    // Nothing tries that again: the layers repeat what is kUnavailable.
    CHECK(absl::IsUnauthenticated(refused));
  }
}

TEST_CASE("s3cmd reads what was put") {
  Machine machine;
  auto store = OpenStore(machine, Variable("DR_TEST_S3"));
  REQUIRE(store.ok());
  const std::string key = "s3cmd/" + machine.OwnPrefix();
  std::string value = "value of ";
  for (int i = 0; i < 256; ++i) value += static_cast<char>(i);
  REQUIRE((*store)->Put(key, value, {}, {}).ok());
  const std::string command =
      fmt::format("s3cmd -q -c '{}' get s3://drtest/suite/{} -", Variable("DR_TEST_S3_CFG"), key);
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string read(4096, '\0');
  read.resize(fread(read.data(), 1, read.size(), pipe));
  CHECK(pclose(pipe) == 0);
  CHECK(read.substr(0, 8) == "drvalue1");
  CHECK(read.substr(std::min<std::size_t>(read.size(), 24)) == value);
}

TEST_CASE("A bucket in the host's name is the same bucket") {
  Machine machine;
  std::string uri = Variable("DR_TEST_S3");
  auto by_path = OpenStore(machine, uri);
  REQUIRE(by_path.ok());
  uri.replace(uri.find("127.0.0.1"), 9, "localhost");
  auto by_host = OpenStore(machine, uri + "&style=virtual");
  INFO(by_host.status().ToString());
  REQUIRE(by_host.ok());
  const std::string key = machine.OwnPrefix();
  REQUIRE((*by_path)->Put(key, "v", {}, {}).ok());
  CHECK((*by_host)->Get(key, {})->value == "v");
}

TEST_CASE("A wrong secret is kUnauthenticated, and not shown") {
  Machine machine;
  const absl::Status status =
      OpenStore(machine, Variable("DR_TEST_S3"),
                Keys(Variable("DR_TEST_AWS_ACCESS_KEY_ID"), "canary-secret"))
          .status();
  CHECK(absl::IsUnauthenticated(status));
  CHECK(status.ToString().find("canary") == std::string::npos);
}

}  // namespace
}  // namespace dr::s3_test
