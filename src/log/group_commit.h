// Group commit: operations become groups, groups become durable, waiters are woken in order.
//
// One mutex orders encoding; I/O happens without it. The first waiter that finds room leads: it
// encodes what everybody has appended, writes it, and wakes those it covered. Up to two groups are
// in flight, because devices overlap flushes; they are acknowledged in order.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "dr/log/wal.h"
#include "dr/mutex.h"
#include "src/base/event_queue.h"
#include "src/base/fork_guard.h"
#include "src/log/durable_mark.h"
#include "src/log/group_reader.h"
#include "src/log/log_reader.h"
#include "src/log/log_time.h"
#include "src/log/segment_files.h"
#include "src/log/waiter.h"

namespace dr::inline v0 {

/// The newest segment while it is written.
struct LiveSegment {
  LogSegment segment;
  SegmentFile file;
  std::uint64_t offset = 0;  ///< where the next group goes
  GroupBuilder builder;      ///< has built all groups before it
};

class GroupCommit {
 public:
  /// Goes on behind `live`, whose records end at `last`, all durable. `older` are the segments
  /// before.
  GroupCommit(const WalOptions& options, std::unique_ptr<SegmentFiles> files,
              DurableMarkWriter mark, LiveSegment live, std::vector<LogSegment> older, Lsn last,
              LogTime time);

  void Bind(OperationLog& log);
  absl::Status MakeRoom(std::uint64_t count, const Context& context);
  absl::Status Admit(std::size_t payload_bytes, const Context& context);
  void Withdraw(std::size_t payload_bytes);
  absl::Status Stage(Lsn upto, const Context& context);
  absl::Status Persist(Lsn upto, const Context& context);
  absl::Status Seal(const Context& context);
  absl::StatusOr<bool> Prepare();
  absl::Status HoldGrowth(bool held);
  absl::Status Trim(Lsn keep_from);

  Lsn durable() const { return {durable_.load(std::memory_order_acquire)}; }
  absl::StatusOr<SegmentExtent> Locate(std::uint64_t number) const;
  /// The newest segment that begins at or before `from`.
  absl::StatusOr<std::uint64_t> SegmentWith(Lsn from) const;
  absl::Status status() const;
  std::int64_t last_time_ns() const;
  std::chrono::nanoseconds time_ahead() const;
  WalFigures figures() const;
  const SegmentPrefix& prefix() const { return first_prefix_; }
  Directory& directory() { return files_->directory(); }

 private:
  /// The mutex, held. When it is given back the positions are checked, and those who are to be
  /// woken and the observer learn it without it.
  class ABSL_SCOPED_LOCKABLE Section {
   public:
    explicit Section(GroupCommit& log) ABSL_EXCLUSIVE_LOCK_FUNCTION(log.mutex_) : log_(log) {
      log_.mutex_.lock();
    }
    ~Section() ABSL_UNLOCK_FUNCTION();

   private:
    GroupCommit& log_;
  };
  /// A group on its way. While it is being written it belongs to the thread that writes it.
  struct InFlight {
    enum class State : std::uint8_t { kFree, kWriting, kStalled, kWritten };
    State state = State::kFree;
    std::uint64_t offset = 0, end_offset = 0;
    std::string_view bytes;
    Lsn unit_lsn, last_lsn, evidence;
    std::uint64_t records = 0;
    std::size_t buffer = 0;
  };
  /// A new segment on its way. Zero at first, as std::optional::emplace() leaves it.
  struct Rotation {
    SegmentPrefix prefix;
    std::uint64_t footer_offset;
    std::string_view footer;
    bool footer_written;
    SegmentFile next;
  };

  absl::Status Healthy() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status InParent() const;
  void Check() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool CanLead() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool SegmentFull() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Lead() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool OpenGroup(Lsn first_lsn, std::int64_t time_ns) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Encode() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WriteGroup() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(std::size_t slot) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Acknowledge() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Rotate() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RunRotation() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status WriteRotation(const NamedFile& ending, Rotation& rotation);
  void EnterSegment(const SegmentPrefix& prefix, SegmentFile file)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckFile(const NamedFile& file, std::uint64_t bytes) const;
  void Poison(absl::Status why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Unsettled(Lsn upto) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // log_space.cc
  std::uint64_t FreeBlocks() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::uint64_t LargeBlocks() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::uint64_t ReservedBlocks() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void UpdateLimit() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  /// Nobody changes which files there are, or how far they are prepared.
  bool CanPrepare() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !preparing_ && !rotation_;
  }
  absl::Status PrepareStep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FoundSpace(const absl::Status& prepared) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::uint64_t NeededFrom(Lsn keep_from) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // log_stall.cc
  void Stall(const absl::Status& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool RetryOne() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Retry() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // log_waiting.cc
  /// For anything to change.
  absl::Status Wait(const Context& context) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Rest(Waiter& waiter) ABSL_LOCKS_EXCLUDED(mutex_);
  void Unlock() ABSL_UNLOCK_FUNCTION(mutex_);
  void Wake() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WakeOne(Waiter& waiter) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const WalOptions options_;
  const std::unique_ptr<SegmentFiles> files_;
  DurableMarkWriter mark_;            ///< of the thread that acknowledges
  const SegmentPrefix first_prefix_;  ///< of the segment this process began with: log id and epoch
  ForkGuard fork_guard_;
  OperationLog* log_ = nullptr;
  EventQueue events_;

  mutable Mutex mutex_;
  absl::Status poison_ ABSL_GUARDED_BY(mutex_);
  std::vector<LogSegment> older_ ABSL_GUARDED_BY(mutex_);
  LiveSegment live_ ABSL_GUARDED_BY(mutex_);

  // The open group and what is in flight.
  std::array<AlignedBuffer, 3> buffers_;
  AlignedBuffer rotation_block_, footer_block_;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  bool open_full_ ABSL_GUARDED_BY(mutex_) = false;
  std::size_t open_buffer_ ABSL_GUARDED_BY(mutex_) = 0;
  Lsn open_evidence_ ABSL_GUARDED_BY(mutex_);
  std::array<InFlight, 2> in_flight_ ABSL_GUARDED_BY(mutex_);
  std::size_t in_flight_count_ ABSL_GUARDED_BY(mutex_) = 0;
  std::size_t oldest_ ABSL_GUARDED_BY(mutex_) = 0;  ///< of in_flight_, a ring of two
  bool acknowledging_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<Rotation> rotation_ ABSL_GUARDED_BY(mutex_);
  bool preparing_ ABSL_GUARDED_BY(mutex_) = false;
  bool preparing_live_ ABSL_GUARDED_BY(mutex_) =
      false;  ///< it is the newest segment that is extended
  bool trimming_ ABSL_GUARDED_BY(mutex_) = false;
  bool stalled_ ABSL_GUARDED_BY(mutex_) = false;   ///< there was no room for a write
  bool retrying_ ABSL_GUARDED_BY(mutex_) = false;  ///< a thread sees to it

  // Positions, each at or before the next: recorded, durable, dispatched, unit, staged, allowed.
  Lsn recorded_ ABSL_GUARDED_BY(mutex_);                ///< durable_lsn that the disk itself knows
  std::atomic<std::uint64_t> durable_;                  ///< acknowledged: whole records and batches
  Lsn dispatched_ ABSL_GUARDED_BY(mutex_);              ///< on its way: whole records and batches
  Lsn unit_lsn_ ABSL_GUARDED_BY(mutex_);                ///< encoded: whole records and batches
  Lsn staged_ ABSL_GUARDED_BY(mutex_);                  ///< encoded
  Lsn allowed_ ABSL_GUARDED_BY(mutex_);                 ///< there is space up to here
  std::uint64_t readable_end_ ABSL_GUARDED_BY(mutex_);  ///< of the live segment, at a unit's end
  LogTime time_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t large_bytes_ ABSL_GUARDED_BY(mutex_) = 0;  ///< admitted and not yet encoded
  bool no_space_ ABSL_GUARDED_BY(mutex_) = false;
  bool growth_held_ ABSL_GUARDED_BY(mutex_) = false;

  WaiterList waiters_ ABSL_GUARDED_BY(mutex_);
  WokenWaiters woken_ ABSL_GUARDED_BY(mutex_);  ///< no longer waiting; told so once unlocked
  WalFigures figures_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dr::inline v0
