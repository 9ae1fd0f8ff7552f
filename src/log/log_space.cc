// How GroupCommit keeps its promise to producers: a ticket is given out only when the space for its
// record has been prepared (P1).

#include <algorithm>

#include "dr/status.h"
#include "src/base/out_of_memory.h"
#include "src/base/status_macros.h"
#include "src/log/group_commit.h"

namespace dr::inline v0 {
namespace {

constexpr std::uint64_t kSlackBlocks = 64;  // prepared beyond what is promised, for seals

std::uint64_t Blocks(std::uint64_t bytes) { return (bytes + kBlockBytes - 1) / kBlockBytes; }

}  // namespace

std::uint64_t GroupCommit::FreeBlocks() const {
  std::uint64_t free = UsableBlocks(live_.file.prepared_bytes, live_.offset);
  if (open_) free -= std::min(free, Blocks(live_.builder.size()));
  return free + files_->SpareBlocks();
}

// What the producers may still use: a block for every Lsn within the limit, and the large records,
// whose frames and group headers take less than a sixteenth more.
std::uint64_t GroupCommit::ReservedBlocks(const OperationLog& log) const {
  const std::uint64_t large = large_bytes_ == 0 ? 0 : Blocks(large_bytes_ / 16 * 17) + 2;
  return large + (log.limit().value - staged_.value);
}

void GroupCommit::UpdateLimit(OperationLog& log) {
  if (!poison_.ok()) return;
  const std::uint64_t large = large_bytes_ == 0 ? 0 : Blocks(large_bytes_ / 16 * 17) + 2;
  const std::uint64_t free = FreeBlocks();
  const std::uint64_t room = free > large ? free - large : 0;
  const Lsn limit = {staged_.value + std::min<std::uint64_t>(room, log.capacity())};
  if (limit > log.limit()) log.Allow(limit);
}

absl::Status GroupCommit::PrepareStep(OperationLog& log) {
  if (growth_held_) {
    return MakeFault({.kind = FaultKind::kNoSpace,
                      .next = "free some space, or wait for the checkpoint that is being written"},
                     "the disk is full, and what is left is for a checkpoint");
  }
  // Every spare will be a rotation, which needs a place among the older ones.
  const std::size_t places = older_.size() + files_->spares() + 2;
  if (older_.capacity() < places) older_.reserve(2 * places);
  SegmentFile* live = files_->direct() || in_flight_count_ == 0 ? &live_.file : nullptr;
  absl::StatusOr<SegmentFile*> file = files_->NextToPrepare(live);
  absl::StatusOr<std::uint64_t> added = 0;
  if (!file.ok()) {
    added = file.status();
  } else {
    preparing_ = true;
    preparing_live_ = *file == &live_.file;
    Unlock();
    added = WithinMemory([&] { return files_->PrepareChunk(**file); });
    mutex_.lock();
    preparing_ = preparing_live_ = false;
  }
  if (added.ok()) (*file)->prepared_bytes += *added;
  if (absl::IsResourceExhausted(added.status()) != no_space_) {
    no_space_ = !no_space_;
    Tell({.kind = no_space_ ? EventKind::kNoSpace : EventKind::kSpaceBack,
          .lsn = durable(),
          .status = added.status()},
         no_space_ ? "no room for more log" : "there is room for the log again");
  }
  UpdateLimit(log);
  Wake(log);
  return added.status();
}

absl::Status GroupCommit::MakeRoom(OperationLog& log, std::uint64_t count, const Context& context) {
  Section section(*this);
  for (;;) {
    DR_RETURN_IF_ERROR(Healthy());
    if (!open_full_) Encode(log);
    UpdateLimit(log);
    if (log.last().value + count <= log.limit().value) return absl::OkStatus();
    DR_RETURN_IF_ERROR(CheckContext(context, *options_.clock, "room in the log"));
    if (FreeBlocks() < ReservedBlocks(log) + count && !preparing_) {
      DR_RETURN_IF_ERROR(PrepareStep(log));
    } else if (dispatched_ < log.last() && CanLead(log)) {
      Lead(log);
    } else {
      DR_RETURN_IF_ERROR(Wait(context));  // for a sync, or for another that prepares space
    }
  }
}

absl::Status GroupCommit::Admit(OperationLog& log, std::size_t payload_bytes,
                                const Context& context) {
  Section section(*this);
  const std::uint64_t wanted = Blocks(payload_bytes / 16 * 17) + 2;
  for (;;) {
    DR_RETURN_IF_ERROR(Healthy());
    if (FreeBlocks() >= ReservedBlocks(log) + wanted) break;
    DR_RETURN_IF_ERROR(CheckContext(context, *options_.clock, "room in the log"));
    if (preparing_) {
      DR_RETURN_IF_ERROR(Wait(context));
    } else {
      DR_RETURN_IF_ERROR(PrepareStep(log));
    }
  }
  large_bytes_ += payload_bytes;
  return absl::OkStatus();
}

void GroupCommit::Withdraw(OperationLog& log, std::size_t payload_bytes) {
  Section section(*this);
  large_bytes_ -= payload_bytes;
  UpdateLimit(log);
}

absl::Status GroupCommit::HoldGrowth(bool held) {
  Section section(*this);
  growth_held_ = held;
  while (growth_held_ && preparing_) DR_RETURN_IF_ERROR(Wait({}));
  return absl::OkStatus();
}

absl::StatusOr<bool> GroupCommit::Prepare(OperationLog& log) {
  Section section(*this);
  DR_RETURN_IF_ERROR(Healthy());
  if (preparing_ || growth_held_) return false;
  const std::uint64_t wanted = ReservedBlocks(log) + log.capacity() + kSlackBlocks;
  if (FreeBlocks() >= wanted) return false;
  DR_RETURN_IF_ERROR(PrepareStep(log));
  return FreeBlocks() < wanted;
}

}  // namespace dr::inline v0
