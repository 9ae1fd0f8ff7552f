#include "src/component/freeze.h"

#include <catch2/catch.hpp>

#include "tests/component/gate.h"
#include "tests/component/ground.h"
#include "tests/component/scripted_component.h"
#include "tests/support/status.h"

namespace dr::test {
namespace {

TEST_CASE("A component at rest is frozen as of the log's end, whoever wrote that") {
  Ground ground;
  Scripted a("a"), b("b");
  Attached core_a(a, ground), core_b(b, ground);
  REQUIRE_OK(a.Add("1"));
  REQUIRE_OK(b.Add("2"));
  const Frozen frozen = Value(Freeze(*core_a, std::nullopt, {}));
  CHECK(frozen.as_of == Lsn{2});
  CHECK(frozen.changed);
  CHECK(frozen.copy.records == std::vector<std::string>{"1"});
}

TEST_CASE("A component with operations under way is frozen as of what it has applied") {
  Ground ground(FakeLog::Syncs::kByHand);
  Scripted a("a"), b("b");
  Attached core_a(a, ground), core_b(b, ground);
  REQUIRE_OK(b.Add("1", {.durability = Durability::kProcess}));
  REQUIRE_OK(a.Add("2", {.durability = Durability::kProcess}));
  a.AddLater("3", [](absl::StatusOr<Lsn>) {});
  const Frozen frozen = Value(Freeze(*core_a, std::nullopt, {}));
  CHECK(frozen.as_of == Lsn{2});
  CHECK(frozen.copy.records == std::vector<std::string>{"2"});
  ground.log.SetDurable({3});
}

TEST_CASE("A component that has not changed since is carried on, without a callback") {
  Ground ground;
  Scripted a("a"), b("b");
  Attached core_a(a, ground), core_b(b, ground);
  REQUIRE_OK(a.Add("1"));
  a.on_save = [] { return absl::InternalError("must not be called"); };
  REQUIRE_OK(b.Add("2"));
  Frozen frozen = Value(Freeze(*core_a, Lsn{1}, {}));
  CHECK_FALSE(frozen.changed);
  CHECK(frozen.as_of == Lsn{2});
  CHECK(frozen.copy.records.empty());
  frozen = Value(Freeze(*core_a, Lsn{5}, {}));  // never back
  CHECK(frozen.as_of == Lsn{5});
}

TEST_CASE("A freeze waits for the state within its context, and for no component that has failed") {
  Ground ground;
  Scripted a("a");
  Attached core(a, ground);
  Gate gate;
  a.on_apply = [&](const Operation&) {
    gate.Pass();
    return absl::InternalError("bad");
  };
  auto applying = Elsewhere([&] { return a.Add("1").status(); });
  gate.AwaitReached();
  CHECK(absl::IsDeadlineExceeded(Freeze(*core, std::nullopt, AtOnce()).status()));
  auto freezing = Elsewhere([&] { return Freeze(*core, std::nullopt, {}).status(); });
  gate.Open();
  const absl::Status failed = InTime(applying);
  CHECK(IsFault(failed, FaultKind::kComponent));
  CHECK(InTime(freezing) == failed);
}

TEST_CASE("A state that is reloaded stands between two operations") {
  Ground ground;
  Scripted a("a");
  Attached core(a, ground);
  REQUIRE_OK(a.Add("1"));
  Records saved({"saved"});
  REQUIRE_OK(Reload(*core, saved, {}));
  CHECK(core->applied() == Lsn{1});
  REQUIRE_OK(a.Add("2"));
  CHECK(a.Payloads() == std::vector<std::string>{"saved", "2"});
}

TEST_CASE("A reload that fails is the component's failure, and one that comes too late is none") {
  Ground ground;
  Scripted a("a");
  Attached core(a, ground);
  Records saved({"saved"});
  {
    auto locked = Elsewhere([&] {
      ReaderLock lock(a.state_mutex());
      std::future<absl::Status> late =
          Elsewhere([&] { return Reload(*core, saved, Within(std::chrono::milliseconds(20))); });
      return late.get();
    });
    CHECK(absl::IsDeadlineExceeded(InTime(locked)));
  }
  REQUIRE_OK(a.Add("1"));
  a.on_load = [] { return absl::InternalError("half a state"); };
  const absl::Status failed = Reload(*core, saved, {});
  CHECK(IsFault(failed, FaultKind::kComponent));
  CHECK(a.Add("2").status() == failed);
  CHECK(Freeze(*core, std::nullopt, {}).status() == failed);
}

}  // namespace
}  // namespace dr::test
