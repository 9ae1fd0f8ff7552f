// What a host is asked for and does not take.

#include "src/host/host_options.h"

#include <catch2/catch.hpp>
#include <functional>
#include <limits>

#include "tests/host/counter_component.h"
#include "tests/host/small_host.h"

namespace dr::test {
namespace {

absl::Status OpenWith(const std::function<void(HostOptions&)>& change) {
  TempDirectory directory;
  Counters counters;
  HostOptions options = Options(directory, {&counters});
  change(options);
  return Host::Open(std::move(options), {}).status();
}

TEST_CASE("An option out of its bounds is refused by name and value") {
  struct Case {
    std::string_view name, value;
    std::function<void(HostOptions&)> change;
  };
  const std::vector<Case> cases = {
      {"log.ring_capacity", "0", [](HostOptions& o) { o.log.ring_capacity = 0; }},
      {"log.ring_capacity", "1", [](HostOptions& o) { o.log.ring_capacity = 1; }},
      {"log.ring_capacity", "48", [](HostOptions& o) { o.log.ring_capacity = 48; }},
      {"callback_deadline", "0", [](HostOptions& o) { o.callback_deadline = {}; }},
      {"callback_deadline", "-1",
       [](HostOptions& o) { o.callback_deadline = std::chrono::nanoseconds(-1); }},
      {"checkpoint.keep", "0", [](HostOptions& o) { o.checkpoint.keep = 0; }},
      {"checkpoint.interval", "-1",
       [](HostOptions& o) { o.checkpoint.interval = std::chrono::nanoseconds(-1); }},
      {"checkpoint.ttl", "3600",
       [](HostOptions& o) { o.checkpoint.ttl = std::chrono::seconds(3600); }},
      {"checkpoint.disk_share", "0", [](HostOptions& o) { o.checkpoint.disk_share = 0; }},
      {"checkpoint.disk_share", "1.5", [](HostOptions& o) { o.checkpoint.disk_share = 1.5; }},
      {"checkpoint.disk_share", "nan",
       [](HostOptions& o) { o.checkpoint.disk_share = std::numeric_limits<double>::quiet_NaN(); }},
  };
  for (const Case& refused : cases) {
    const absl::Status status = OpenWith(refused.change);
    INFO(refused.name << " " << refused.value << ": " << status.ToString());
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    const std::string_view message = AsStd(status.message());
    const std::size_t named = message.find(refused.name);
    REQUIRE(named != std::string_view::npos);
    CHECK(message.find(refused.value, named) != std::string_view::npos);
  }
}

TEST_CASE("The smallest ring and no deadline for callbacks at all are taken, and work") {
  TempDirectory directory;
  Counters counters;
  HostOptions options = Options(directory, {&counters});
  options.log.ring_capacity = 2;
  options.callback_deadline = std::chrono::nanoseconds::max();
  auto host = Value(Host::Open(std::move(options), {}));
  REQUIRE_OK(host->Start());
  for (int i = 0; i < 20; ++i) REQUIRE_OK(counters.Add("a"));
  REQUIRE_OK(host->Shutdown());
}

TEST_CASE("A host without a place for its state is refused") {
  const absl::Status refused = OpenWith([](HostOptions& o) { o.directory.clear(); });
  CHECK(refused.code() == absl::StatusCode::kInvalidArgument);
  CHECK(AsStd(refused.message()).find("repository") != std::string_view::npos);
}

TEST_CASE("kRemote, a repository beside a directory, and keys are refused while not offered") {
  CHECK(OpenWith([](HostOptions& o) { o.repository = "s3://bucket/agent"; }).code() ==
        absl::StatusCode::kUnimplemented);
  // Nobody can make a KeyRing yet; any address stands for one, and none is looked at.
  const int any = 0;
  CHECK(OpenWith([&](HostOptions& o) { o.keys = reinterpret_cast<const KeyRing*>(&any); }).code() ==
        absl::StatusCode::kUnimplemented);
  CHECK(OpenWith([](HostOptions& o) { o.durability = Durability::kRemote; }).code() ==
        absl::StatusCode::kFailedPrecondition);
  TempDirectory directory;
  Counters counters;
  auto host = Value(Host::Open(Options(directory, {&counters}), {}));
  CHECK(counters.Add("a", {.durability = Durability::kRemote}).status().code() ==
        absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("A null component is refused, by the host and in a batch") {
  CHECK(OpenWith([](HostOptions& o) { o.components.push_back(nullptr); }).code() ==
        absl::StatusCode::kInvalidArgument);
  TempDirectory directory;
  Counters counters;
  auto host = Value(Host::Open(Options(directory, {&counters}), {}));
  const ComponentCommit batch[] = {{&counters, "a"}, {nullptr, "b"}};
  CHECK(CommitAll(batch).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(counters.Total() == 0);
}

}  // namespace
}  // namespace dr::test
