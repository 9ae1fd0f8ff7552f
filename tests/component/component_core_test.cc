#include "src/component/component_core.h"

#include <catch2/catch.hpp>

#include "tests/component/gate.h"
#include "tests/component/ground.h"
#include "tests/component/scripted_component.h"
#include "tests/support/status.h"

namespace dr::test {
namespace {

TEST_CASE("An instance is claimed once") {
  Scripted component;
  REQUIRE_OK(ComponentCore::Of(component).Claim());
  CHECK(IsFault(ComponentCore::Of(component).Claim(), FaultKind::kUsage));
}

TEST_CASE("A component that no host has attached closes, detaches and counts nothing") {
  Scripted component;
  ComponentCore& core = ComponentCore::Of(component);
  REQUIRE_OK(core.Claim());
  REQUIRE_OK(core.Close({}));
  core.Detach();
  CHECK(core.pending_count() == 0);
  CHECK(core.applied_count() == 0);
}

TEST_CASE("Operations that are pending when their host goes have an open outcome") {
  Ground ground(FakeLog::Syncs::kByHand);
  Scripted component;
  absl::StatusOr<Lsn> told;
  {
    Attached core(component, ground);
    component.AddLater("x", [&](absl::StatusOr<Lsn> lsn) { told = std::move(lsn); });
    CHECK(core->pending_count() == 1);
  }
  CHECK(IsFault(told.status(), FaultKind::kAmbiguous));
}

TEST_CASE("Close waits for the callers inside") {
  Ground ground;
  Scripted component;
  Attached core(component, ground);
  Gate gate;
  component.on_apply = [&](const Operation&) {
    gate.Pass();
    return absl::OkStatus();
  };
  auto inside = Elsewhere([&] { return component.Add("x").status(); });
  gate.AwaitReached();
  CHECK(absl::IsDeadlineExceeded(core->Close(AtOnce())));
  CHECK(IsFault(component.Add("y").status(), FaultKind::kUsage));  // refused already
  gate.Open();
  REQUIRE_OK(core->Close({}));
  REQUIRE_OK(InTime(inside));
}

TEST_CASE("A component that is destroyed in its host has failed there") {
  Ground ground;
  auto component = std::make_unique<Scripted>("one");
  Attached core(*component, ground);
  REQUIRE_OK(component->Add("x"));
  component.reset();
  CHECK(IsFault(core->failure(), FaultKind::kUsage));
  CHECK(ground.events.Of(EventKind::kComponentFailed).size() == 1);
  CHECK(core->applied() == Lsn{1});
}

}  // namespace
}  // namespace dr::test
