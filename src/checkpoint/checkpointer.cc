#include "src/checkpoint/checkpointer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/base/out_of_memory.h"

namespace dr::inline v0 {

Checkpointer::Checkpointer(const CheckpointPolicy& policy, const Clock& clock, Observer* observer,
                           CheckpointStorage& storage, Bell& bell, std::chrono::nanoseconds age)
    : clock_(clock),
      observer_(observer),
      storage_(storage),
      bell_(bell),
      schedule_(policy, clock),
      turn_(clock) {
  schedule_.Begin(storage.checkpointed(), age);
}

Instant Checkpointer::Next() const {
  return schedule_.Next(storage_.log_end(), storage_.checkpoint_anyway());
}

absl::Status Checkpointer::Await(const Context& context) {
  return turn_.Take(context, "the checkpoint under way").status();
}

absl::Status Checkpointer::InTurn(const Context& context, absl::FunctionRef<absl::Status()> work) {
  DR_ASSIGN_OR_RETURN(Turn::Hold turn, turn_.Take(context, "the checkpoint under way"));
  bell_.RingIfArmed();  // its callbacks are to be watched
  struct AtTheEnd {
    ~AtTheEnd() {
      turn.reset();
      bell.RingIfArmed();  // the next one has its time
    }
    Turn::Hold turn;
    Bell& bell;
  } end{std::move(turn), bell_};
  return work();
}

absl::StatusOr<CheckpointInfo> Checkpointer::TakeInTurn(const Context& context) {
  absl::StatusOr<CheckpointInfo> info = CheckpointInfo{};
  DR_RETURN_IF_ERROR(InTurn(context, [&] {
    CheckpointSchedule::LogEnd end = storage_.log_end();
    info = WithinMemory([&] { return storage_.Take(context); });  // then it was tried too
    // What was logged and not applied yet is left for the next one.
    if (info.ok()) end.last = std::min(end.last, info->position.lsn);
    schedule_.Tried(end);
    return info.status();
  }));
  return info;
}

absl::StatusOr<CheckpointInfo> Checkpointer::Take(const Context& context) {
  absl::StatusOr<CheckpointInfo> info = TakeInTurn(context);
  Report(info);
  return info;
}

void Checkpointer::TakeIfDue(const Context& context) {
  if (!storage_.status().ok() || clock_.Now() < Next()) return;
  const absl::StatusOr<CheckpointInfo> info = TakeInTurn(context);
  if (!absl::IsCancelled(info.status())) Report(info);
}

absl::StatusOr<CheckpointInfo> Checkpointer::Write(
    const Context& context, absl::FunctionRef<absl::StatusOr<CheckpointInfo>()> write) {
  absl::StatusOr<CheckpointInfo> info = CheckpointInfo{};
  const absl::Status done = InTurn(context, [&] {
    info = write();
    return info.status();
  });
  if (!done.ok()) info = done;
  Report(info);
  return info;
}

void Checkpointer::Report(const absl::StatusOr<CheckpointInfo>& info) {
  schedule_.Count(info);
  if (observer_ == nullptr || (info.ok() && info->sequence == 0)) return;
  if (!info.ok()) {
    return observer_->OnEvent({.kind = EventKind::kCheckpointFailed,
                               .status = info.status(),
                               .text = std::string(AsStd(info.status().message()))});
  }
  observer_->OnEvent(
      {.kind = EventKind::kCheckpoint,
       .lsn = info->position.lsn,
       .duration = info->pause_max,
       .text =
           fmt::format("checkpoint {}: {} components written, {} carried, {} bytes", info->sequence,
                       info->components_written, info->components_carried, info->bytes)});
}

}  // namespace dr::inline v0
