#include "src/host/host_loop.h"

#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"

namespace dr::inline v0 {
namespace {

// How long the worker is inside one component before another thread goes on with the rest.
constexpr auto kPatience = std::chrono::milliseconds(40);

}  // namespace

HostLoop::HostLoop(const HostParts& parts) : parts_(parts), agenda_(parts), threads_(parts.clock) {
  parts_.runtime.bell.Connect([this] {
    threads_.WakeWatch();
    descriptor_.Signal();
  });
  parts_.runtime.completions.SetWake([this] {
    threads_.WakeLog();
    descriptor_.Signal();
  });
}

void HostLoop::CompletePending(const Context& context) {
  for (const auto& [id, core] : parts_.components) core->Pump(context);
  parts_.runtime.completions.Run();
}

absl::Status HostLoop::KeepLog(bool at_rest) {
  absl::Status kept = parts_.storage.KeepLog(at_rest);
  if (!kept.ok()) agenda_.PutOff();
  parts_.events.Clock(parts_.storage.time_ahead(), parts_.runtime.log.last());
  return kept;
}

// A component that hangs in its callback has failed.
void HostLoop::WatchCallbacks() {
  for (const auto& [id, core] : parts_.components) core->Watch();
  agenda_.Watched();
}

// One that is slow delays itself alone: another thread goes on in the place of the one inside it.
void HostLoop::ReplaceSlow() {
  bool delays = parts_.runtime.completions.GiveUpOverdue(parts_.clock.Now(),
                                                         parts_.options.callback_deadline);
  for (const auto& [id, core] : parts_.components) delays |= core->DelaysOthers(kPatience);
  if (delays) replace_due_ = true;
  // Where no thread can be made now, one may be at the next look.
  if (replace_due_.exchange(false) && !threads_.ReplaceLog().ok()) replace_due_ = true;
}

Agenda::Due HostLoop::Look() {
  return agenda_.Look([this] {
    return Agenda::Activity{.log = threads_.log_working() || stepping_.load() > 0,
                            .checkpoint = parts_.checkpointer.under_way()};
  });
}

// The thread that keeps the time. What takes long is for the others.
Instant HostLoop::Watch() {
  const Agenda::Due due = Look();
  if (due.watch) WatchCallbacks();
  ReplaceSlow();
  if (due.seal) seal_due_ = true;
  if (due.came || due.log || due.seal) threads_.WakeLog();
  if (due.checkpoint) threads_.WakeCheckpoint();
  return due.next;
}

absl::Status HostLoop::Start() {
  DR_RETURN_IF_ERROR(parts_.storage.status());
  // What fails in the background tells its callers and the observer; the threads live on for the
  // rest.
  return threads_.Start({.log =
                             [this] {
                               CompletePending({});
                               static_cast<void>(KeepLog(seal_due_.exchange(false)));
                               return Instant::Never();
                             },
                         .checkpoint =
                             [this] {
                               parts_.checkpointer.TakeIfDue({.stop = background_.get_token()});
                               return Instant::Never();
                             },
                         .watch = [this] { return Watch(); }});
}

absl::Status HostLoop::Step(const Context& context) {
  DR_RETURN_IF_ERROR(CheckContext(context, parts_.clock, "Step"));
  const Agenda::Due due = Look();
  ++stepping_;
  CompletePending(context);
  --stepping_;
  WatchCallbacks();
  ReplaceSlow();
  const bool at_rest = due.seal || !descriptor_.is_made();
  absl::Status kept = KeepLog(at_rest);
  if (!kept.ok() && !absl::IsResourceExhausted(kept)) return kept;
  parts_.checkpointer.TakeIfDue(context);
  if (!kept.ok()) kept = KeepLog(at_rest);  // behind a checkpoint there may be room again
  // What this clears too early is found by the look of next_deadline.
  descriptor_.Clear();
  threads_.WakeWatch();  // the bell may not be armed as its look had left it
  return kept.ok() ? parts_.storage.status() : kept;
}

Instant HostLoop::next_deadline() {
  const Agenda::Due due = Look();
  threads_.WakeWatch();
  return due.now() ? parts_.clock.Now() : due.next;
}

}  // namespace dr::inline v0
