// What a client must make of a store that answers wrongly, late or not at all.
#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/s3/client.h"
#include "adapters/s3/connection.h"
#include "adapters/s3/options.h"
#include "adapters/s3/store_fixture.h"
#include "dr/adapter/layers.h"
#include "dr/status.h"

namespace dr::s3_test {
namespace {

// A store of the server whose buckets each have a fault.
absl::StatusOr<std::unique_ptr<StateAdapter>> OpenCareless(Machine& machine,
                                                           const std::string& bucket) {
  return OpenStore(machine,
                   fmt::format("s3://{}/own?endpoint={}", bucket, Variable("DR_TEST_CARELESS_S3")));
}

// How many calls the server has had to what is named so.
std::string Visits(Machine& machine, const std::string& name) {
  const auto connections = HttpConnections::Make(machine.clock, "", {});
  REQUIRE(connections.ok());
  const S3Request request{.method = "GET", .path = "/visits/" + name};
  HttpExchange exchange{.request = request, .headers = {}, .answer_bytes_max = 100};
  (*connections)->Send(Variable("DR_TEST_CARELESS_S3"), {&exchange, 1}, {});
  REQUIRE(exchange.response.ok());
  return exchange.response->body;
}

TEST_CASE("A store that ignores conditions and signatures is not fence-safe, and it is said why") {
  Machine machine;
  auto store = OpenCareless(machine, "careless");
  REQUIRE(store.ok());
  const Capabilities& can = (*store)->capabilities();
  CHECK_FALSE(can.if_absent);
  CHECK_FALSE(can.if_version);
  CHECK_FALSE(can.fence_safe);
  for (const char* reason : {"If-None-Match", "If-Match", "wrong signature"}) {
    INFO(reason);
    CHECK(std::ranges::any_of(
        (*store)->capabilities().weaknesses,
        [&](const std::string& weakness) { return weakness.find(reason) != weakness.npos; }));
  }
  CHECK(absl::IsUnimplemented(
      (*store)->Put("k", "v", {.condition = PutCondition::kIfAbsent}, {}).status()));
  CHECK((*store)->Put("k", "v", {}, {}).ok());
  CHECK((*store)->Get("k", {})->value == "v");
}

TEST_CASE("D10: Clocks that are apart are corrected once") {
  Machine machine;
  auto store = OpenCareless(machine, "skewed");
  INFO(store.status().ToString());
  REQUIRE(store.ok());
  CHECK((*store)->Put("k", "v", {}, {}).ok());
}

TEST_CASE("D10: Expired keys are asked for anew, and given up when those have expired too") {
  Machine machine;
  for (const bool is_renewed : {true, false}) {
    int asked = 0;
    AdapterRegistry registry;
    REQUIRE(RegisterS3(registry, [&](const Context&) -> absl::StatusOr<S3Credentials> {
              const bool old = ++asked == 1 || !is_renewed;
              return S3Credentials{.access_key_id = old ? "OLD" : "NEW",
                                   .secret_access_key = Secret("canary-secret")};
            }).ok());
    auto store =
        registry.Open(fmt::format("s3://expired/own?endpoint={}", Variable("DR_TEST_CARELESS_S3")),
                      machine.environment);
    CHECK(asked == 2);
    CHECK(store.ok() == is_renewed);
    if (is_renewed) continue;
    CHECK(absl::IsUnauthenticated(store.status()));
    CHECK(store.status().ToString().find("canary") == std::string::npos);
  }
}

TEST_CASE("D10: Keys that expire while a store is used are asked for anew, and no call fails") {
  Machine machine;
  int asked = 0;
  const std::string id = machine.Once();
  auto store =
      OpenStore(machine, fmt::format("s3://aging/own?endpoint={}", Variable("DR_TEST_CARELESS_S3")),
                [&](const Context&) {
                  return S3Credentials{.access_key_id = fmt::format("{}-{}", id, ++asked),
                                       .secret_access_key = Secret("secret")};
                });
  REQUIRE(store.ok());
  for (int i = 0; i < 50; ++i) {
    const std::string value = fmt::format("{}", i);
    CHECK((*store)->Put("k", value, {}, {}).ok());
    CHECK((*store)->Get("k", {})->value == value);
    for (const auto& item : (*store)->GetMany(std::vector<std::string_view>{"k", "k", "k"}, {})) {
      CHECK(item->value == value);
    }
  }
  CHECK(asked >= 3);
}

TEST_CASE("GetMany has several calls under way at a time, and each gets its own answer") {
  Machine machine;
  auto store = OpenCareless(machine, "together");  // which answers four at a time
  REQUIRE(store.ok());
  const std::vector<std::string_view> keys = {"a", "b", "c", "d", "e", "f", "g", "h"};
  for (std::string_view key : keys) REQUIRE((*store)->Put(key, key, {}, {}).ok());
  for (int round = 0; round < 3; ++round) {
    const auto items = (*store)->GetMany(keys, {});
    REQUIRE(items.size() == keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      INFO(items[i].status().ToString());
      REQUIRE(items[i].ok());
      CHECK(items[i]->value == keys[i]);
    }
  }
}

TEST_CASE("D11: A redirect is not followed, and region and host are named") {
  Machine machine;
  for (const char* bucket : {"moved", "elsewhere"}) {
    INFO(bucket);
    const absl::Status status = OpenCareless(machine, bucket).status();
    CHECK(absl::IsInvalidArgument(status));
    CHECK(status.ToString().find("eu-west-9") != std::string::npos);
    CHECK(status.ToString().find("/thief/") != std::string::npos);
    CHECK(Visits(machine, bucket) + Visits(machine, fmt::format("{}-probing", bucket)) != "00");
  }
  CHECK(Visits(machine, "thief") == "0");
}

TEST_CASE("A missing bucket is not a missing value") {
  Machine machine;
  CHECK(absl::IsFailedPrecondition(OpenCareless(machine, "missing").status()));
}

TEST_CASE("D1: A busy store is kUnavailable") {
  Machine machine;
  auto store = OpenCareless(machine, "busy");
  REQUIRE(store.ok());
  CHECK(absl::IsUnavailable((*store)->Put("k", "v", {}, {}).status()));
  CHECK(absl::IsUnavailable((*store)->Get("k", {}).status()));
  CHECK(absl::IsUnavailable((*store)->Delete("k", {}, {})));
}

TEST_CASE("D1: After nine refusals of all kinds a call through the layers is done, and once") {
  Machine machine;
  auto bare = OpenCareless(machine, "bursts");
  REQUIRE(bare.ok());
  auto store = AddLayers(*std::move(bare), {.retry = {.first_pause = std::chrono::milliseconds(1)}},
                         {.clock = &machine.clock, .random = &machine.random});
  REQUIRE(store.ok());
  // Every tenth call is done.
  const std::string key = machine.Once();
  const auto put = (*store)->Put(key, "v", {.condition = PutCondition::kIfAbsent}, {});
  INFO(put.status().ToString());
  REQUIRE(put.ok());
  const auto item = (*store)->Get(key, {});
  INFO(item.status().ToString());
  REQUIRE(item.ok());
  CHECK(item->value == "v");
  CHECK(item->version == *put);
}

TEST_CASE(
    "D4: D6: A Put that was answered with 500, with an error in 200, or not at all is kUnknown") {
  Machine machine;
  for (const char* bucket : {"broken", "twofaced", "hangup", "silent"}) {
    INFO(bucket);
    auto store = OpenCareless(machine, bucket);
    REQUIRE(store.ok());
    const Context context = machine.Within(std::chrono::seconds(1));
    CHECK(absl::IsUnknown((*store)->Put("k", "v", {}, context).status()));
  }
}

TEST_CASE("D6: An error in the body of 200 is neither a value nor a deletion") {
  Machine machine;
  auto store = OpenCareless(machine, "twofaced");
  REQUIRE(store.ok());
  CHECK(absl::IsUnavailable((*store)->Get("k", {}).status()));
  CHECK(absl::IsUnavailable((*store)->Delete("k", {}, {})));
}

TEST_CASE("D5: A 409 is tried again, and a 412 that the same Put has caused is no lost race") {
  Machine machine;
  for (const char* bucket : {"conflict", "twice"}) {
    INFO(bucket);
    auto store = OpenCareless(machine, bucket);
    REQUIRE(store.ok());
    REQUIRE((*store)->capabilities().if_absent);
    const std::string key = machine.Once();
    CHECK_FALSE((*store)->capabilities().fence_safe);  // its signatures are not checked
    const auto put = (*store)->Put(key, "v", {.condition = PutCondition::kIfAbsent}, {});
    INFO(put.status().ToString());
    REQUIRE(put.ok());
    CHECK((*store)->Get(key, {})->version == *put);
    const auto again = (*store)->Put(key, "v", {.condition = PutCondition::kIfAbsent}, {});
    CHECK(absl::IsAlreadyExists(again.status()));
  }
}

TEST_CASE("D3: A Put that reached no server is kUnavailable") {
  Machine machine;
  const absl::Status status =
      OpenStore(machine, "s3://bucket?endpoint=http://127.0.0.1:1").status();
  CHECK(absl::IsUnavailable(status));
}

TEST_CASE("D8: A value that came cut, endless or rotten is not given out") {
  Machine machine;
  for (const char* bucket : {"cut", "endless", "rotten"}) {
    INFO(bucket);
    auto store = OpenCareless(machine, bucket);
    REQUIRE(store.ok());
    REQUIRE((*store)->Put("k", "value", {}, {}).ok());
    const Context context = machine.Within(std::chrono::seconds(2));
    const absl::Status status = (*store)->Get("k", context).status();
    INFO(status.ToString());
    CHECK(status.code() == (bucket == std::string("cut") ? absl::StatusCode::kUnavailable
                                                         : absl::StatusCode::kDataLoss));
  }
}

TEST_CASE(
    "D8: A store that answers a byte at a time, or not at all, is given up without a deadline") {
  Machine machine;
  for (const std::string bucket : {"slow", "silent"}) {
    INFO(bucket);
    const auto uri =
        ParseUri(fmt::format("s3://{}/own?endpoint={}", bucket, Variable("DR_TEST_CARELESS_S3")));
    REQUIRE(uri.ok());
    auto options = ReadS3Options(*uri);
    REQUIRE(options.ok());
    S3Client client(*std::move(options), machine.clock, Keys("id", "secret"),
                    {.stall = std::chrono::seconds(1)});
    const std::string value(1000, 'v');
    const auto put = client.Call({.method = "PUT", .object = "k", .body = value}, {});
    if (bucket == "silent") CHECK(absl::IsUnknown(put.status()));
    if (bucket == "silent") continue;
    REQUIRE(put.ok());
    CHECK(absl::IsUnavailable(client.Call({.method = "GET", .object = "k"}, {}).status()));
  }
}

}  // namespace
}  // namespace dr::s3_test
