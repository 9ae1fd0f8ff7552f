#include "src/log/log_health.h"

#include <utility>

#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/assert.h"

namespace dr::inline v0 {

absl::Status Poisoned(const absl::Status& why) {
  return MakeFault(
      {.kind = FaultKind::kPoisoned, .next = "open the log again; what was acknowledged is safe"},
      fmt::format("the log takes nothing more after a failure: {}", AsStd(why.message())));
}

absl::Status Ambiguous(Lsn lsn, std::string_view what) {
  return MakeFault({.kind = FaultKind::kAmbiguous,
                    .lsn = lsn,
                    .next = "look at the state later, or open the log again"},
                   what);
}

absl::Status NoRoom() {
  return MakeFault(
      {.kind = FaultKind::kNoSpace, .next = "free some space; the log goes on by itself"},
      "the disk has no room for what the log has under way");
}

void LogHealth::Stall() {
  if (state_ == State::kWell) state_ = State::kStalled;
}

bool LogHealth::BeginRetry() {
  if (state_ != State::kStalled) return false;
  state_ = State::kRetrying;
  return true;
}

void LogHealth::EndRetry(bool room) {
  if (poisoned()) return;
  DR_ASSERT(state_ == State::kRetrying);
  state_ = room ? State::kWell : State::kStalled;
}

void LogHealth::Poison(absl::Status why) {
  DR_ASSERT(!poisoned() && !why.ok());
  state_ = State::kPoisoned;
  why_ = std::move(why);
}

absl::Status LogHealth::status() const { return poisoned() ? Poisoned(why_) : absl::OkStatus(); }

absl::Status LogHealth::Unsettled(Lsn upto) const {
  DR_ASSERT(poisoned());
  const std::optional<Fault> fault = FaultOf(why_);
  return MakeFault({.kind = FaultKind::kAmbiguous,
                    .place = fault ? fault->place : "",
                    .offset = fault ? fault->offset : std::nullopt,
                    .lsn = upto,
                    .next = "open the log again, which tells what was kept"},
                   fmt::format("the log failed before the operation was known to be durable: {}",
                               AsStd(why_.message())));
}

}  // namespace dr::inline v0
