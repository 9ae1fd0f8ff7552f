// The local log: segment files in a folder of their own, written by group commit.
//
//   dr::SystemClock clock;  dr::SystemRandom random;
//   auto wal = dr::Wal::Open(directory, {.clock = &clock, .random = &random});
//   dr::OperationLog log(**wal, {});
//
// The first waiter writes for all who wait (group commit); up to two groups are in flight and are
// acknowledged in order. Files are zero-written before use and recycled after Trim. Where the file
// system has direct synchronous writes a group is one system call; elsewhere it is a write and an
// fdatasync. The first failed write or sync poisons the log: nothing is accepted until it is opened
// again, which reads the truth from the disk.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/clock.h"
#include "dr/digest.h"
#include "dr/environment/file_system.h"
#include "dr/environment/random.h"
#include "dr/export.h"
#include "dr/log/operation_log.h"
#include "dr/log/segment.h"
#include "dr/observer.h"

namespace dr::inline v0 {

/// Something outside the log that knows how far it was durable: a checkpoint.
struct DurableEvidence {
  std::string place = {};  ///< for errors
  LogId log = {};          ///< of a known epoch
  Position durable = {};   ///< and the opening that saw it; epoch 0: not known
  Digest history = {};     ///< of the log up to there; zero: not known
};

/// How far a log is durable, and what it holds up to there.
struct DurablePoint {
  Lsn lsn = {};         ///< the last operation
  Digest history = {};  ///< the sum of all up to it (src/format/FORMAT.md)
};

/// What a log is opened with.
struct WalOptions {
  const Clock* clock = nullptr;  ///< required
  Random* random = nullptr;      ///< required
  Observer* observer = nullptr;  ///< may be null
  std::uint64_t segment_bytes =
      64 << 20;  ///< a file's size; a multiple of kBlockBytes, at least 64 KiB
  std::uint64_t group_bytes =
      1 << 20;  ///< the longest single write; at least 2 blocks, at most kMaxGroupBytes
  /// What is known from elsewhere to have been durable: if the log ends before it, that is rot and
  /// not a torn tail. If the log has another history there, files of two copies of it were mixed
  /// (kDataLoss).
  std::vector<DurableEvidence> known_durable = {};
  /// The first operation that is still needed (behind the oldest checkpoint in use). Older segments
  /// may be missing.
  Lsn needed_from = {1};
  /// The wall clock is right: recorded times go on from it, even if that is a step back, once. Else
  /// they never decrease, and a wall clock that has leapt ahead is not believed at once.
  bool trust_clock = false;
};

/// What recovery found and did.
struct WalRecovery {
  Lsn last = {};                     ///< the last operation of the log
  Lsn recorded_durable = {};         ///< the highest evidence on the disk
  std::uint64_t copied_records = 0;  ///< above the evidence, copied into a fresh segment and synced
  std::uint64_t groups_behind =
      0;                 ///< found whole or torn behind the end, left aside in the old segment
  bool created = false;  ///< there was no log
};

/// What the log has done since it was opened, and how it stands. A snapshot.
struct WalFigures {
  std::uint64_t groups = 0;            ///< written
  std::uint64_t records = 0;           ///< that end in them
  std::uint64_t bytes = 0;             ///< of them, headers and padding included
  std::uint64_t seals = 0;             ///< groups without a record that seal an idle log
  std::uint64_t rotations = 0;         ///< segments begun behind the first
  std::uint64_t recycled = 0;          ///< files of trimmed segments that were kept as spares
  std::uint64_t segments = 0;          ///< files that hold the log now
  std::uint64_t log_bytes = 0;         ///< their length
  std::uint64_t unsealed_records = 0;  ///< acknowledged, not yet covered by evidence on the disk
  bool direct = false;                 ///< direct synchronous writes are in use
  bool no_space = false;  ///< there was no room to prepare more, and none was found yet
};

/// Reads records in order from the files. Not thread-safe; any number may run beside the writer.
class DR_EXPORT WalReader {
 public:
  virtual ~WalReader() = default;
  /// The next record up to what is durable now; nullopt when there is none yet (later calls may
  /// find more). Views are valid until the next call. Damage is kDataLoss naming segment, offset
  /// and Lsn.
  virtual absl::StatusOr<std::optional<RecordView>> Next() = 0;
};

/// Thread-safe. One process at a time has a log open: a second gets kUnavailable, and a forked
/// child finds its copy poisoned. Before an OperationLog is bound to it, it can only be read.
class DR_EXPORT Wal final : public LogSink {
 public:
  /// Recovers what is in `directory` or creates a log there. `directory` outlives the Wal. Takes an
  /// epoch that is larger than any in the log by a random number, so that copies of one log that go
  /// on by themselves do not take the same.
  static absl::StatusOr<std::unique_ptr<Wal>> Open(Directory& directory, const WalOptions& options);
  ~Wal() override;

  absl::Status MakeRoom(std::uint64_t count, const Context& context) override;
  absl::Status Admit(std::size_t payload_bytes, const Context& context) override;
  void Withdraw(std::size_t payload_bytes) override;
  absl::Status Stage(Lsn upto, const Context& context) override;
  absl::Status Persist(Lsn upto, const Context& context) override;
  Lsn durable() const override;        ///< as LogSink::durable
  DurablePoint durable_point() const;  ///< both of one moment

  /// Records on the disk that all so far is durable, if that is not there yet; what follows a seal
  /// can be told from rot. Called when the log is idle and at an orderly end.
  absl::Status Seal(const Context& context = {});
  /// Prepares file space ahead, a step at a time. True: there is more to do. Called by the host's
  /// thread; without one, producers that find no room do it themselves.
  absl::StatusOr<bool> Prepare();
  /// While held, no more space is prepared: what is free is somebody else's. What is prepared is
  /// still written to.
  absl::Status HoldGrowth(bool held);
  /// Gives up every whole segment below `keep_from`; files are recycled.
  absl::Status Trim(Lsn keep_from);
  /// Reads from `from` on, which must not have been trimmed (else kDataLoss, a gap).
  absl::StatusOr<std::unique_ptr<WalReader>> Read(Lsn from);

  const WalRecovery& recovery() const;  ///< what opening found
  Epoch epoch() const;                  ///< of this opening
  LogId log_id() const;                 ///< the same in each opening
  std::int64_t last_time_ns() const;    ///< of the newest staged record
  /// How far that is ahead of the wall clock. Negative: the wall clock has leapt ahead by so much,
  /// and is not believed yet.
  std::chrono::nanoseconds time_ahead() const;
  absl::Status status() const override;  ///< OK, or why the log is poisoned
  WalFigures figures() const;            ///< cheap to take

 private:
  class Impl;
  void Bind(OperationLog& log) override;
  explicit Wal(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dr::inline v0
