#include "src/host/agenda.h"

#include <algorithm>
#include <utility>

namespace dr::inline v0 {
namespace {

// Nothing came for so long: the log is at rest. While something comes, the host looks as often.
constexpr auto kPause = std::chrono::milliseconds(10);
constexpr auto kAgain = std::chrono::seconds(1);

}  // namespace

Agenda::Agenda(const HostOptions& options, const Clock& clock, const ComponentTable& components,
               const Backing& backing, const CheckpointSchedule& checkpoints, Runtime& runtime)
    : clock_(clock),
      components_(components),
      backing_(backing),
      checkpoints_(checkpoints),
      runtime_(runtime),
      watch_period_(options.callback_deadline / kLooksPerDeadline),
      seen_(runtime.log.last()),
      seal_at_(clock.Now()),
      room_at_(seal_at_),
      watch_at_(seal_at_) {}

Agenda::Due Agenda::Look(absl::FunctionRef<Activity()> activity) {
  runtime_.bell.Arm();
  const Activity active = activity();
  bool callers = false, pending = false;
  for (const auto& [id, core] : components_) {
    if (core->has_failed()) continue;  // nothing comes of those who hang in it
    callers |= core->callers() > 0;
    pending |= core->pending_count() > 0;
  }
  const bool usable = backing_.status().ok();
  pending &= usable;
  const Instant now = clock_.Now(), soon = now + kPause;
  Due due;
  const auto at = [&](Instant when) {
    due.next = std::min(due.next, when <= now ? soon : when);
    return when <= now;
  };
  MutexLock lock(mutex_);
  const Lsn last = runtime_.log.last();
  due.came = std::exchange(seen_, last) != last;
  if (due.came) seal_at_ = soon;
  due.log = !runtime_.completions.empty();
  if (due.came || callers || pending || active.log) at(soon);
  if (usable) {
    due.log |= pending;
    const LogNeeds needs = backing_.Needs();
    if (needs.seal) due.seal = at(seal_at_);
    if (needs.room) due.log |= at(room_at_);
    if (!active.checkpoint) {
      const Instant next =
          checkpoints_.Next({last, backing_.bytes()}, backing_.checkpoint_anyway());
      due.checkpoint = at(next);
    }
  }
  if (callers || pending || active.log || active.checkpoint) due.watch = at(watch_at_);
  if (due.next <= soon) runtime_.bell.Disarm();
  return due;
}

void Agenda::PutOff() {
  const Instant again = clock_.Now() + kAgain;
  MutexLock lock(mutex_);
  seal_at_ = room_at_ = again;
}

void Agenda::Watched() {
  const Instant next = clock_.Now() + watch_period_;
  MutexLock lock(mutex_);
  watch_at_ = next;
}

}  // namespace dr::inline v0
