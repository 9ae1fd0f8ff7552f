#include "src/host/agenda.h"

#include <algorithm>
#include <utility>

namespace dr::inline v0 {
namespace {

// Nothing came for so long: the log is at rest. While something comes, the host looks as often.
constexpr auto kPause = std::chrono::milliseconds(10);
constexpr auto kAgain = std::chrono::seconds(1);

}  // namespace

Agenda::Agenda(const HostParts& parts)
    : parts_(parts),
      watch_period_(parts.options.callback_deadline / kLooksPerDeadline),
      seen_(parts.runtime.log.last()),
      seal_at_(parts.clock.Now()),
      room_at_(seal_at_),
      watch_at_(seal_at_) {}

Agenda::Due Agenda::Look(absl::FunctionRef<Activity()> activity) {
  parts_.runtime.bell.Arm();
  const Activity active = activity();
  bool callers = false, pending = false;
  for (const auto& [id, core] : parts_.components) {
    if (core->has_failed()) continue;  // nothing comes of those who hang in it
    callers |= core->callers() > 0;
    pending |= core->pending_count() > 0;
  }
  const bool usable = parts_.storage.status().ok();
  pending &= usable;
  const Instant now = parts_.clock.Now(), soon = now + kPause;
  Due due;
  const auto at = [&](Instant when) {
    due.next = std::min(due.next, when <= now ? soon : when);
    return when <= now;
  };
  MutexLock lock(mutex_);
  const Lsn last = parts_.runtime.log.last();
  due.came = std::exchange(seen_, last) != last;
  if (due.came) seal_at_ = soon;
  due.log = !parts_.runtime.completions.empty();
  if (due.came || callers || pending || active.log) at(soon);
  if (usable) {
    due.log |= pending;
    const LogNeeds needs = parts_.storage.Needs();
    if (needs.seal) due.seal = at(seal_at_);
    if (needs.room) due.log |= at(room_at_);
    if (!active.checkpoint) {
      due.checkpoint = at(parts_.checkpointer.Next());
    }
  }
  if (callers || pending || active.log || active.checkpoint) due.watch = at(watch_at_);
  if (due.next <= soon) parts_.runtime.bell.Disarm();
  return due;
}

void Agenda::PutOff() {
  const Instant again = parts_.clock.Now() + kAgain;
  MutexLock lock(mutex_);
  seal_at_ = room_at_ = again;
}

void Agenda::Watched() {
  const Instant next = parts_.clock.Now() + watch_period_;
  MutexLock lock(mutex_);
  watch_at_ = next;
}

}  // namespace dr::inline v0
