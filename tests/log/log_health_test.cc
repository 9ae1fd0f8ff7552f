#include "src/log/log_health.h"

#include <catch2/catch.hpp>

#include "dr/status.h"
#include "tests/support/fails_assertion.h"

namespace dr::test {
namespace {

absl::Status SyncFailed() {
  return MakeFault({.kind = FaultKind::kIo, .place = "log/7.wal", .offset = 4096}, "sync failed");
}

TEST_CASE("a log that stalls goes on when one thread has found room") {
  LogHealth health;
  CHECK(health.well());
  CHECK_FALSE(health.BeginRetry());
  health.Stall();
  CHECK(health.stalled());
  CHECK(health.status().ok());
  REQUIRE(health.BeginRetry());
  CHECK_FALSE(health.BeginRetry());  // the others are told that there is no room
  CHECK(health.stalled());
  health.EndRetry(false);
  REQUIRE(health.BeginRetry());
  health.Stall();  // by the write that was under way beside it
  CHECK_FALSE(health.BeginRetry());
  health.EndRetry(true);
  CHECK(health.well());
  CHECK(FailsAssertion("state_ == State::kRetrying", [&] { health.EndRetry(true); }));
}

TEST_CASE("poison is for good, in the middle of a retry too") {
  LogHealth health;
  health.Stall();
  REQUIRE(health.BeginRetry());
  health.Poison(SyncFailed());
  health.EndRetry(true);
  health.Stall();
  CHECK(health.poisoned());
  CHECK_FALSE(health.well());
  CHECK_FALSE(health.stalled());
  CHECK_FALSE(health.BeginRetry());
  CHECK(IsFault(health.status(), FaultKind::kPoisoned));
  CHECK(FailsAssertion("!poisoned()", [&] { health.Poison(SyncFailed()); }));
}

TEST_CASE("an operation with an Lsn is not told to try again, but where the log failed (K76)") {
  LogHealth health;
  CHECK(FailsAssertion("poisoned()", [&] { static_cast<void>(health.Unsettled({3})); }));
  health.Poison(SyncFailed());
  const absl::Status unsettled = health.Unsettled({3});
  CHECK(absl::IsUnknown(unsettled));
  const Fault fault = *FaultOf(unsettled);
  CHECK(fault.kind == FaultKind::kAmbiguous);
  CHECK(fault.place == "log/7.wal");
  CHECK(fault.offset == 4096);
  CHECK(fault.lsn == Lsn{3});
}

}  // namespace
}  // namespace dr::test
