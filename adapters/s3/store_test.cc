#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "adapters/s3/credentials.h"
#include "adapters/s3/store_fixture.h"
#include "dr/adapters/s3.h"
#include "dr/status.h"

namespace dr::s3_test {
namespace {

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
  const std::string key = machine.Once(), value(1 << 20, 'v');
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
  const std::string key = "s3cmd/" + machine.Once();
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
  REQUIRE(read.size() == value.size() + 24);
  CHECK(read.substr(0, value.size()) == value);
  CHECK(read.substr(value.size(), 8) == "drvalue1");
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
  const std::string key = machine.Once();
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
