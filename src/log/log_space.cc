// How GroupCommit keeps its promise to producers: a ticket is given out only when the space for its
// record has been prepared (P1).

#include <algorithm>
#include <optional>
#include <utility>

#include "dr/status.h"
#include "src/base/assert.h"
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

// Frames and group headers take less than a sixteenth more than the payloads.
std::uint64_t GroupCommit::LargeBlocks() const {
  return large_bytes_ == 0 ? 0 : Blocks(large_bytes_ / 16 * 17) + 2;
}

// What the producers may still use: a block for every Lsn within the limit, and the large records.
std::uint64_t GroupCommit::ReservedBlocks() const {
  return LargeBlocks() + (allowed_.value - staged_.value);
}

void GroupCommit::UpdateLimit() {
  if (log_ == nullptr || !poison_.ok() || stalled_) return;
  const std::uint64_t large = LargeBlocks(), free = FreeBlocks();
  const std::uint64_t room = free > large ? free - large : 0;
  allowed_ =
      std::max(allowed_, Lsn{staged_.value + std::min<std::uint64_t>(room, log_->capacity())});
  if (allowed_ != log_->limit()) log_->Allow(allowed_);
}

// Files are made and extended without the mutex, on values that nobody else has meanwhile: a spare is
// off the list, and the live segment stays in its place because no rotation begins.
absl::Status GroupCommit::PrepareStep() {
  DR_ASSERT(CanPrepare());
  if (growth_held_) {
    return MakeFault({.kind = FaultKind::kNoSpace,
                      .next = "free some space, or wait for the checkpoint that is being written"},
                     "the disk is full, and what is left is for a checkpoint");
  }
  // Every spare will be a rotation, which needs a place among the older ones.
  const std::size_t places = older_.size() + files_->spares() + 2;
  if (older_.capacity() < places) older_.reserve(2 * places);
  files_->MakePlaces(1);
  preparing_live_ = (files_->direct() || in_flight_count_ == 0) &&
                    live_.file.prepared_bytes < files_->segment_bytes();
  std::optional<SegmentFile> spare;
  SegmentFiles::SpareNumbers number;
  NamedFile file = live_.file.segment;
  std::uint64_t prepared = live_.file.prepared_bytes;
  if (!preparing_live_) {
    spare = files_->TakeUnfinished();
    if (!spare) number = files_->ReserveSpares(1);
  }
  preparing_ = true;
  Unlock();
  const absl::StatusOr<std::uint64_t> added = WithinMemory([&]() -> absl::StatusOr<std::uint64_t> {
    if (number.count > 0) {
      DR_ASSIGN_OR_RETURN(spare, files_->MakeSpare(number.first));
    }
    if (spare) {
      file = spare->segment;
      prepared = spare->prepared_bytes;
    }
    return files_->PrepareChunk(file, prepared);
  });
  mutex_.lock();
  preparing_ = false;
  std::uint64_t& prepared_bytes = spare ? spare->prepared_bytes : live_.file.prepared_bytes;
  if (added.ok()) {
    DR_ASSERT(prepared_bytes == prepared);
    prepared_bytes += *added;
    DR_ASSERT(prepared_bytes <= files_->segment_bytes());
  }
  preparing_live_ = false;
  if (spare) files_->AddSpare(*std::move(spare));
  if (added.ok() || IsFault(added.status(), FaultKind::kNoSpace)) FoundSpace(added.status());
  UpdateLimit();
  Wake();
  return added.status();
}

// What the attempt at `tried` has shown: OK that there is room, an error that there is none.
void GroupCommit::FoundSpace(const absl::Status& tried) {
  if (tried.ok() != no_space_ || (tried.ok() && stalled_)) return;
  no_space_ = !no_space_;
  events_.Add({.kind = no_space_ ? EventKind::kNoSpace : EventKind::kSpaceBack,
               .lsn = durable(),
               .status = tried},
              no_space_ ? "no room for more log" : "there is room for the log again");
}

absl::Status GroupCommit::MakeRoom(std::uint64_t count, const Context& context) {
  DR_RETURN_IF_ERROR(InParent());
  Section section(*this);
  for (;;) {
    DR_RETURN_IF_ERROR(Healthy());
    if (stalled_) {
      DR_RETURN_IF_ERROR(CheckContext(context, *options_.clock, "room in the log"));
      DR_RETURN_IF_ERROR(Retry());
    }
    if (!open_full_) Encode();
    UpdateLimit();
    if (log_->last().value + count <= log_->limit().value) return absl::OkStatus();
    DR_RETURN_IF_ERROR(CheckContext(context, *options_.clock, "room in the log"));
    if (FreeBlocks() < ReservedBlocks() + count && CanPrepare()) {
      DR_RETURN_IF_ERROR(PrepareStep());
    } else if (dispatched_ < log_->last() && CanLead()) {
      Lead();
    } else {
      DR_RETURN_IF_ERROR(Wait(context));  // for a sync, a rotation, or another that prepares space
    }
  }
}

absl::Status GroupCommit::Admit(std::size_t payload_bytes, const Context& context) {
  DR_RETURN_IF_ERROR(InParent());
  Section section(*this);
  const std::uint64_t wanted = Blocks(payload_bytes / 16 * 17) + 2;
  for (;;) {
    DR_RETURN_IF_ERROR(Healthy());
    if (stalled_) {
      DR_RETURN_IF_ERROR(CheckContext(context, *options_.clock, "room in the log"));
      DR_RETURN_IF_ERROR(Retry());
    }
    if (FreeBlocks() >= ReservedBlocks() + wanted) break;
    DR_RETURN_IF_ERROR(CheckContext(context, *options_.clock, "room in the log"));
    if (CanPrepare()) {
      DR_RETURN_IF_ERROR(PrepareStep());
    } else {
      DR_RETURN_IF_ERROR(Wait(context));
    }
  }
  large_bytes_ += payload_bytes;
  return absl::OkStatus();
}

void GroupCommit::Withdraw(std::size_t payload_bytes) {
  Section section(*this);
  DR_ASSERT(large_bytes_ >= payload_bytes);
  large_bytes_ -= payload_bytes;
  UpdateLimit();
  Wake();
}

absl::Status GroupCommit::HoldGrowth(bool held) {
  DR_RETURN_IF_ERROR(InParent());
  Section section(*this);
  growth_held_ = held;
  while (growth_held_ && preparing_) DR_RETURN_IF_ERROR(Wait({}));
  return absl::OkStatus();
}

absl::StatusOr<bool> GroupCommit::Prepare() {
  DR_RETURN_IF_ERROR(InParent());
  Section section(*this);
  DR_RETURN_IF_ERROR(Healthy());
  if (stalled_) DR_RETURN_IF_ERROR(Retry());
  if (!CanPrepare() || growth_held_) return false;
  const std::uint64_t wanted = ReservedBlocks() + log_->capacity() + kSlackBlocks;
  if (FreeBlocks() >= wanted) return false;
  DR_RETURN_IF_ERROR(PrepareStep());
  return FreeBlocks() < wanted;
}

}  // namespace dr::inline v0
