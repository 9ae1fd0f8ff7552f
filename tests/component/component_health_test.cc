#include "src/component/component_health.h"

#include <catch2/catch.hpp>

#include "src/component/holding_order.h"
#include "tests/host/recording.h"

namespace dr::test {
namespace {

const ComponentIdentity kIdentity{"one", {.name = "one", .version = 1}};

TEST_CASE("The first failure of a component stays, and the observer is told of it once") {
  ComponentHealth health(kIdentity);
  Recording events;
  health.NotifyDue(&events, {});
  CHECK_FALSE(health.has_failed());
  CHECK(health.failure().ok());
  CHECK(events.Of(EventKind::kComponentFailed).empty());
  health.Fail(absl::InternalError("first"));
  health.Fail(absl::InternalError("second"));
  CHECK(health.has_failed());
  CHECK(health.failure() == absl::InternalError("first"));
  for (int i = 0; i < 2; ++i) health.NotifyDue(&events, {7});
  REQUIRE(events.Of(EventKind::kComponentFailed).size() == 1);
  const Event event = events.Of(EventKind::kComponentFailed).front();
  CHECK(event.component == "one");
  CHECK(event.lsn == Lsn{7});
  CHECK(event.status == absl::InternalError("first"));
}

TEST_CASE("A thread that holds an order tells the observer nothing, and the next look does") {
  ComponentHealth health(kIdentity);
  Recording events;
  health.Fail(absl::InternalError("why"));
  health.NoteKeptState();
  {
    const HoldingOrder outer;
    { const HoldingOrder inner; }
    health.NotifyDue(&events, {});
    CHECK(events.Of(EventKind::kComponentFailed).empty());
    CHECK(health.kept_state_due());
  }
  health.NotifyDue(&events, {});
  CHECK(events.Of(EventKind::kComponentFailed).size() == 1);
  CHECK(events.Of(EventKind::kStateHeld).size() == 1);
}

TEST_CASE("Each time that readers keep the state is told") {
  ComponentHealth health(kIdentity);
  Recording events;
  for (int i = 0; i < 2; ++i) {
    health.NoteKeptState();
    CHECK(health.kept_state_due());
    for (int look = 0; look < 2; ++look) health.NotifyDue(&events, {});
    CHECK_FALSE(health.kept_state_due());
  }
  CHECK(events.Of(EventKind::kStateHeld).size() == 2);
  health.NoteKeptState();
  health.NotifyDue(nullptr, {});  // there is no observer, and nothing is due any more
  CHECK_FALSE(health.kept_state_due());
}

}  // namespace
}  // namespace dr::test
