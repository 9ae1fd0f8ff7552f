#include "src/component/commit_call.h"

#include <catch2/catch.hpp>

#include "dr/status.h"
#include "src/component/callback_frame.h"
#include "tests/component/ground.h"
#include "tests/component/scripted_component.h"
#include "tests/support/status.h"

namespace dr::test {
namespace {

TEST_CASE("A commit to a component without a host is refused, before and behind one") {
  Scripted component("one");
  const auto refused = [&] {
    const CommitCall call(ComponentCore::Of(component));
    CHECK_FALSE(call.has_host());
    CHECK(IsFault(call.Check({}), FaultKind::kUsage));
  };
  refused();
  {
    Ground ground;
    Attached core(component, ground);
    const CommitCall call(*core);
    REQUIRE(call.has_host());
    REQUIRE_OK(call.Check({}));
    CHECK(core->callers() == 1);
  }
  refused();
  CHECK(ComponentCore::Of(component).callers() == 0);
}

TEST_CASE(
    "A commit from inside a callback is refused in that component's name, which has made it") {
  Ground ground;
  Scripted component("one");
  Attached core(component, ground);
  const CommitCall call(*core);
  CallbackScope scope("culprit");
  const absl::Status refused = call.Check({});
  CHECK(IsFault(refused, FaultKind::kUsage));
  CHECK(FaultOf(refused)->place == "culprit");
  CHECK(scope.reentered());
}

TEST_CASE("A commit from inside a decide is refused") {
  Ground ground;
  Scripted component("one");
  Attached core(component, ground);
  const CommitCall call(*core);
  {
    const DecideScope deciding;
    CHECK(IsFault(call.Check({}), FaultKind::kUsage));
  }
  REQUIRE_OK(call.Check({}));
}

TEST_CASE("Options that a host cannot keep are refused") {
  Ground ground;
  ground.runtime.durability_max = Durability::kProcess;
  Scripted component("one");
  Attached core(component, ground);
  const CommitCall call(*core);
  REQUIRE_OK(call.Check({.durability = Durability::kProcess}));
  CHECK(IsFault(call.Check({.durability = Durability::kLocal}), FaultKind::kUsage));
  CHECK(IsFault(call.Check({.durability = Durability::kRemote}), FaultKind::kUsage));
  CHECK(absl::IsInvalidArgument(call.Check({.kind = OperationKind::kMarker})));
}

TEST_CASE("A commit that has ended, or whose component has failed, is refused") {
  Ground ground;
  Scripted component("one");
  Attached core(component, ground);
  const CommitCall call(*core);
  CHECK(absl::IsDeadlineExceeded(call.Check({.context = AtOnce()})));
  const absl::Status failure = absl::InternalError("why");
  core->callbacks().health().Fail(failure);
  CHECK(call.Check({}) == failure);
}

TEST_CASE("A call that ends tells the observer what is due") {
  Ground ground;
  Scripted component("one");
  Attached core(component, ground);
  {
    const CommitCall call(*core);
    core->callbacks().health().Fail(absl::InternalError("why"));
    CHECK(ground.events.Of(EventKind::kComponentFailed).empty());
  }
  CHECK(ground.events.Of(EventKind::kComponentFailed).size() == 1);
}

}  // namespace
}  // namespace dr::test
