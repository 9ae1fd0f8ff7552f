#include "dr/adapters/s3.h"

#include <catch2/catch.hpp>
#include <cstdlib>

#include "adapters/s3/credentials.h"
#include "adapters/s3/object_name.h"
#include "adapters/s3/sigv4.h"
#include "adapters/s3/xml.h"
#include "dr/status.h"
#include "dr/testing/adapter_cases.h"

namespace dr {
namespace {

struct Machine {
  PosixFileSystem files;
  SystemClock clock;
  SystemRandom random;
  AdapterEnvironment environment{&files, &clock, &random};
};

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  INFO(name << " is missing: scripts/servers start ceph");
  REQUIRE(value != nullptr);
  return value;
}

S3Credentials TestKeys() {
  return {.access_key_id = Variable("DR_TEST_AWS_ACCESS_KEY_ID"),
          .secret_access_key = Secret(Variable("DR_TEST_AWS_SECRET_ACCESS_KEY"))};
}

absl::StatusOr<std::unique_ptr<StateAdapter>> OpenStore(Machine& machine, const std::string& uri) {
  AdapterRegistry registry;
  REQUIRE(RegisterS3(registry, [](const Context&) { return TestKeys(); }).ok());
  return registry.Open(uri, machine.environment);
}

std::string OwnPrefix(Machine& machine) { return fmt::format("{:016x}", *machine.random.Next()); }

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

TEST_CASE("Ceph's gateway passes every case", "[conformance]") {
  Machine machine;
  auto store = OpenStore(machine, Variable("DR_TEST_S3"));
  INFO(store.status().ToString());
  REQUIRE(store.ok());
  INFO(ExplainS3(**store));
  CHECK((*store)->capabilities().fence_safe);
  CHECK(ExplainS3(**store).empty());
  const std::string own = OwnPrefix(machine);
  int ran = 0;
  for (const AdapterCase& check : AdapterCases()) {
    if (!check.applies((*store)->capabilities())) continue;
    INFO(check.name);
    const absl::Status status = check.run(**store, fmt::format("{}/{}/", own, ran++));
    INFO(status.ToString());
    CHECK(status.ok());
  }
  CHECK(ran > 15);
}

}  // namespace
}  // namespace dr
