// Components that go: what the observer is told, and when their state is gone.
#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

#include "dr/batch.h"
#include "dr/host.h"
#include "tests/host/counter_component.h"
#include "tests/host/recording.h"
#include "tests/host/small_host.h"

namespace dr::test {
namespace {

// Of the events of one opening: who was given up, and up to where.
std::map<std::string, std::uint64_t> RetiredOf(const Recording& observer) {
  std::map<std::string, std::uint64_t> retired;
  for (const Event& event : observer.Of(EventKind::kComponentRetired)) {
    CHECK(event.text.find(event.component) != std::string::npos);
    CHECK(retired.emplace(event.component, event.lsn.value).second);
  }
  return retired;
}

struct Life {
  Life(const TempDirectory& directory, std::vector<std::string> retired) {
    HostOptions options = Options(directory, {&kept});
    options.recovery.retired = std::move(retired);
    options.environment.observer = &observer;
    options.checkpoint.on_shutdown = false;
    host = Value(Host::Open(std::move(options), {}));
  }
  Recording observer;
  Counters kept{"kept"};
  std::unique_ptr<Host> host;
};

TEST_CASE("K64: a component that is retired is an event until a checkpoint is without it") {
  TempDirectory directory;
  const bool checkpointed = GENERATE(false, true);
  {
    Counters kept("kept"), saved("saved"), logged("logged");
    auto host = Value(Host::Open(Options(directory, {&kept, &saved, &logged}), {}));
    REQUIRE_OK(saved.Add("x"));  // 1
    if (checkpointed) REQUIRE_OK(host->Checkpoint().status());
    REQUIRE_OK(logged.Add("y"));  // 2
    REQUIRE_OK(logged.Add("z"));  // 3
    REQUIRE_OK(kept.Add("k"));
  }
  const std::map<std::string, std::uint64_t> both = {{"logged", 3}, {"saved", 1}};
  for (int openings = 0; openings < 2; ++openings) {
    Life life(directory, {"saved", "logged", "never there"});
    CHECK(RetiredOf(life.observer) == both);
    CHECK(life.kept.Count("k") == 1);
  }
  {
    Life life(directory, {"saved", "logged"});
    CHECK(RetiredOf(life.observer) == both);
    REQUIRE_OK(life.kept.Add("k"));
    REQUIRE_OK(life.host->Checkpoint().status());
  }
  Life life(directory, {});  // the state is gone, and so is the need to name them
  CHECK(RetiredOf(life.observer).empty());
  CHECK(life.kept.Count("k") == 2);
}

TEST_CASE("K64: a component that is given to the host is not retired, whatever is named") {
  TempDirectory directory;
  for (int life = 0; life < 2; ++life) {
    Life again(directory, {"kept"});
    CHECK(RetiredOf(again.observer).empty());
    CHECK(again.kept.Total() == static_cast<std::uint64_t>(life));
    REQUIRE_OK(again.kept.Add("k"));
  }
}

TEST_CASE("K64: what a batch has moved to another component is there once, whoever is retired") {
  TempDirectory directory;
  {
    Counters old_name("old"), kept("kept");
    auto host = Value(Host::Open(Options(directory, {&old_name, &kept}), {}));
    REQUIRE_OK(old_name.Add("moved"));
    const std::vector<ComponentCommit> batch = {{&kept, "moved"}, {&old_name, "left"}};
    REQUIRE_OK(CommitAll(batch).status());
  }
  Life life(directory, {"old"});
  CHECK(RetiredOf(life.observer) == std::map<std::string, std::uint64_t>{{"old", 3}});
  CHECK(life.kept.Count("moved") == 1);
  CHECK(life.kept.Total() == 1);
}

}  // namespace
}  // namespace dr::test
