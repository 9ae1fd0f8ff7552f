// The lock-free front of the log: one atomic step gives an operation its place in the order.
//
//   dr::OperationLog log(sink, {.capacity = 4096});
//   dr::LogEntry entry;                                   // the caller's, until it is durable
//   entry.record = {.component = "inventory", .schema_version = 1, .payload = bytes};
//   absl::StatusOr<dr::Lsn> lsn = log.Append(entry);      // ordered; nothing has been written yet
//   absl::Status durable = log.Persist(*lsn);             // on the disk; many share one sync
//
// No producer waits for another or for I/O, only for room. Nothing is ever popped: the sink reads
// the ring in order, and everybody else reads what the sink has made durable.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/export.h"
#include "dr/log/segment.h"
#include "dr/types.h"

namespace dr::inline v0 {

class OperationLog;

/// Payloads up to this length need no Admit: one block is prepared for every Lsn within the limit.
inline constexpr std::size_t kSmallRecordBytes = 2048;

/// One operation on its way into the log. It belongs to the caller, who keeps it, and all that its
/// record's views point to, unchanged until the log has it durable (or, at kProcess, staged).
struct LogEntry {
  /// `lsn` is set by Append. `time_ns` is the time of the event, 0 for "when it is staged"; staging
  /// raises it where needed so that times never decrease from one Lsn to the next.
  RecordView record = {};
  /// Of the payload; set by Append, so that the thread that encodes for all need not.
  Digest payload_digest = {};
};

/// Where operations land: the local Wal or, without a local disk, a repository.
class DR_EXPORT LogSink {
 public:
  virtual ~LogSink() = default;
  /// Raises the limit (OperationLog::Allow) so that `count` more small records can be taken, or
  /// says why not. May do I/O and wait.
  virtual absl::Status MakeRoom(std::uint64_t count, const Context& context) = 0;
  /// Settles space for records longer than kSmallRecordBytes before their Lsns are taken: one call
  /// for all large payloads of an append, with their sum.
  virtual absl::Status Admit(std::size_t payload_bytes, const Context& context) = 0;
  /// Gives back what Admit settled for records that were not appended after all.
  virtual void Withdraw(std::size_t payload_bytes) = 0;
  /// Fixes time and encoding of everything up to `upto`. kUnknown if `context` ends first.
  virtual absl::Status Stage(Lsn upto, const Context& context) = 0;
  /// Returns when everything up to `upto`, and the rest of a batch that it is inside of, survives
  /// what the sink promises to survive. A caller that waits for another's write is let go when
  /// `context` ends, with kUnknown: the operation may still happen. A caller that writes itself, as
  /// the first to wait does, returns when its write does: no deadline ends a system call. kUnknown
  /// also if the write failed, which `status` tells.
  virtual absl::Status Persist(Lsn upto, const Context& context) = 0;
  virtual Lsn durable() const = 0;  ///< everything up to it survives
  /// OK, or why nothing is accepted any more.
  virtual absl::Status status() const = 0;

 private:
  friend class OperationLog;
  /// The log whose operations land here makes itself known, in its constructor: once in the life of
  /// a sink, and before any call but `durable` and `status`.
  virtual void Bind(OperationLog& log) = 0;
  bool bound_ = false;
};

/// How large the front of the log is.
struct OperationLogOptions {
  std::size_t capacity = 4096;  ///< operations under way at most; a power of two
};

/// Thread-safe. At most `capacity` operations are between Append and staging.
class DR_EXPORT OperationLog {
 public:
  /// Binds `sink`, which outlives the log and has no other. The next operation follows the last
  /// that is durable there.
  OperationLog(LogSink& sink, OperationLogOptions options);
  OperationLog(const OperationLog&) = delete;
  OperationLog& operator=(const OperationLog&) = delete;

  /// Puts the entry at the end of the log. Everything that can fail fails before the Lsn is taken:
  /// kInvalidArgument (lengths), kResourceExhausted (no space), kFailedPrecondition (poisoned),
  /// kDeadlineExceeded or kCancelled (no room in time).
  absl::StatusOr<Lsn> Append(LogEntry& entry, const Context& context = {});
  /// As Append, for entries that are one batch: consecutive, and recovered all or none. Returns the
  /// last Lsn.
  absl::StatusOr<Lsn> AppendBatch(std::span<LogEntry* const> entries, const Context& context = {});

  // AppendBatch in steps, for callers that take the Lsns under a lock of their own: they wait for
  // space and room without it. Admit once; then TryAppend and AwaitRoom in turn, or Withdraw.

  /// Checks the entries and settles space for what is large in them. Fails as Append.
  absl::Status Admit(std::span<LogEntry* const> entries, const Context& context);
  /// Gives back what Admit settled: the entries are not appended after all.
  void Withdraw(std::span<LogEntry* const> entries);
  /// Takes no lock and never waits. nullopt: there is no room for all of them now.
  std::optional<Lsn> TryAppend(std::span<LogEntry* const> entries);
  /// For `count` entries. Others may have taken it when this returns.
  absl::Status AwaitRoom(std::uint64_t count, const Context& context);

  /// As LogSink::Stage.
  absl::Status Stage(Lsn upto, const Context& context = {}) { return sink_.Stage(upto, context); }
  /// As LogSink::Persist; does nothing for what is durable already.
  absl::Status Persist(Lsn upto, const Context& context = {}) {
    return sink_.durable() >= upto ? absl::OkStatus() : sink_.Persist(upto, context);
  }

  Lsn last() const { return {tail_.load(std::memory_order_acquire)}; }      ///< ordered
  Lsn staged() const { return {staged_.load(std::memory_order_acquire)}; }  ///< taken by the sink
  Lsn durable() const { return sink_.durable(); }                           ///< as LogSink::durable
  absl::Status status() const { return sink_.status(); }                    ///< of the sink
  std::size_t capacity() const { return mask_ + 1; }  ///< as in OperationLogOptions

  // For the sink, one thread at a time.

  /// The entry at `lsn`, which is in (staged, last]. Waits while its producer is between its two
  /// steps, taking the Lsn and publishing the entry, with nothing in between that could wait.
  LogEntry& AwaitEntry(Lsn lsn) const {
    LogEntry* entry = slots_[lsn.value & mask_].load(std::memory_order_acquire);
    return entry != nullptr ? *entry : AwaitPublished(lsn);
  }
  /// Everything up to `lsn` has been encoded; their entries are no longer looked at.
  void Release(Lsn lsn);
  /// Producers may take Lsns up to and including `lsn` (never lowered).
  void Allow(Lsn lsn) { limit_.store(lsn.value, std::memory_order_release); }
  /// No more Lsns for now: callers of Append are sent to MakeRoom, which says why.
  void Close() { limit_.store(0, std::memory_order_release); }
  /// As Allow and Close left it.
  Lsn limit() const { return {limit_.load(std::memory_order_acquire)}; }

 private:
  // Not a fetch-and-add, though producers that meet would lose less by it: a ticket that turns out
  // to lie beyond the limit could not be given back.
  bool TakeTickets(std::uint64_t& tail, std::uint64_t count) {
    return tail_.compare_exchange_weak(tail, tail + count, std::memory_order_acq_rel,
                                       std::memory_order_relaxed);
  }
  void Publish(LogEntry& entry, std::uint64_t lsn, bool batch_continues) {
    entry.record.lsn = {lsn};
    entry.record.batch_continues = batch_continues;
    slots_[lsn & mask_].store(&entry, std::memory_order_release);
  }
  LogEntry& AwaitPublished(Lsn lsn) const;

  LogSink& sink_;
  std::size_t mask_;
  std::unique_ptr<std::atomic<LogEntry*>[]> slots_;
  alignas(64) std::atomic<std::uint64_t> tail_;
  alignas(64) std::atomic<std::uint64_t> limit_;
  std::atomic<std::uint64_t> staged_;
};

}  // namespace dr::inline v0
