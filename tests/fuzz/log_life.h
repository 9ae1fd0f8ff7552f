// The life of one log on a simulated disk, and what must be true of it at each opening.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dr/log/wal.h"
#include "dr/status.h"
#include "dr/testing/sim_clock.h"
#include "dr/testing/sim_crash.h"
#include "dr/testing/sim_file_system.h"
#include "dr/testing/sim_random.h"
#include "tests/fuzz/written_log.h"

namespace dr::test {

/// How much of what is on the disk is not what was written.
enum class Damage {
  kNone,
  kOneBlock,  ///< the evidence is elsewhere than what it is about
  kMuch,
  kForged,  ///< all hashes hold, so anything may be read
};

class LogLife {
 public:
  explicit LogLife(bool direct) : disk_(new SimFileSystem({.direct = direct})), random_(1) {}
  /// As another process finds it; a log under way is left out.
  LogLife(const LogLife& other)
      : disk_(other.disk_->Copy()),
        random_(2),  // or it would take the salts that were taken before
        written_(other.written_),
        head_(other.head_),
        known_(other.known_),
        base_(other.known_) {}

  /// What is done to a disk while no log is open on it.
  SimFileSystem& disk() { return *disk_; }
  void Damaged(Damage how, const std::string& block);

  /// Opens the log and judges what it holds. False: it is refused, rightly.
  bool Recover(bool known_durable);
  bool Ready() { return wal_ != nullptr || Recover(false); }
  void Close();

  // Of an open log. A call that fails closes it; what became of it is seen at the next opening.
  void Append(const std::vector<std::size_t>& sizes);
  void Seal();
  /// Gives up all but the last `keep` records.
  void Trim(std::uint64_t keep);

  // Ends of processes.
  void Kill() { Replace(disk_->AfterKill()); }
  void CutPower() { Replace(disk_->AfterPowerCut()); }
  /// The power fails some `events` before now and leaves a state that `seed` chooses.
  void CutPowerBefore(std::size_t events, std::uint64_t seed);

 private:
  static constexpr std::uint32_t kRing = 8;
  static constexpr unsigned kMarkShift = 62;
  enum Mark : std::uint64_t { kAcknowledged, kSealed, kNeeded };

  /// By id, but for the Lsn needed_from.
  struct Known {
    std::uint64_t acknowledged = 0, sealed = 0, needed_from = 1;
  };

  absl::Status Open(SimFileSystem& disk, std::uint64_t known_durable);
  absl::StatusOr<WrittenLog::Line> ReadLine();
  void JudgeRefusal(const absl::Status& refused, bool failed) const;
  void JudgeLine(const WrittenLog::Line& line) const;
  void Note(Mark mark, std::uint64_t value);
  void Replace(std::unique_ptr<SimFileSystem> disk) {
    Close();
    disk_ = std::move(disk);
  }

  std::unique_ptr<SimFileSystem> disk_;
  SimClock clock_;
  SimRandom random_;
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<Wal> wal_;
  std::unique_ptr<OperationLog> log_;

  WrittenLog written_;
  std::uint64_t head_ = 0;
  Known known_, base_;  ///< now, and when the disk's journal began
  Damage damage_ = Damage::kNone;
  std::string damaged_block_;
};

inline void LogLife::Close() {
  log_.reset();
  wal_.reset();
  directory_.reset();
}

inline absl::Status LogLife::Open(SimFileSystem& disk, std::uint64_t known_durable) {
  Close();
  auto directory = disk.OpenDirectory("log", Create::kIfMissing);
  if (!directory.ok()) return directory.status();
  directory_ = *std::move(directory);
  auto wal = Wal::Open(*directory_, {.clock = &clock_,
                                     .random = &random_,
                                     .segment_bytes = 64 << 10,
                                     .group_bytes = 8 << 10,
                                     .known_durable = {{.durable = {.lsn = {known_durable}}}},
                                     .needed_from = {known_.needed_from}});
  if (!wal.ok()) return wal.status();
  wal_ = *std::move(wal);
  log_ = std::make_unique<OperationLog>(*wal_, OperationLogOptions{.capacity = kRing});
  return absl::OkStatus();
}

inline absl::StatusOr<WrittenLog::Line> LogLife::ReadLine() {
  auto reader = wal_->Read({known_.needed_from});
  if (!reader.ok()) return reader.status();
  WrittenLog::Line line;
  for (;;) {
    auto record = (*reader)->Next();
    if (!record.ok()) return record.status();
    if (!record->has_value()) return line;
    if (damage_ == Damage::kForged) continue;
    line.push_back(written_.IdOf(**record));
  }
}

inline void LogLife::JudgeRefusal(const absl::Status& refused, bool failed) const {
  const std::string text(refused.ToString());
  const std::optional<Fault> fault = FaultOf(refused);
  Require(fault.has_value(), "an error without a fault: " + text);
  if (failed) return;
  Require(damage_ != Damage::kNone, "what a crash left is refused: " + text);
  Require(absl::IsDataLoss(refused) || absl::IsUnimplemented(refused), "another code: " + text);
  Require(!fault->place.empty(), "an error without a place: " + text);
}

inline void LogLife::JudgeLine(const WrittenLog::Line& line) const {
  if (damage_ == Damage::kForged) return;
  written_.Judge(line, known_.needed_from);
  const auto holds = [&](std::uint64_t id) { return written_.Holds(line, known_.needed_from, id); };
  if (damage_ == Damage::kNone)
    Require(holds(known_.acknowledged), "an acknowledged record is lost");
  if (damage_ == Damage::kOneBlock)
    Require(holds(known_.sealed), "a sealed record is lost silently");
}

inline bool LogLife::Recover(bool known_durable) {
  const std::uint64_t known =
      std::max(known_.needed_from - 1, known_durable ? written_.lsn(known_.sealed) : 0);
  absl::StatusOr<WrittenLog::Line> line = WrittenLog::Line{};
  for (bool again : {false, true}) {
    const std::uint64_t failures = disk_->failures();
    absl::Status opened = Open(*disk_, known);
    line = opened.ok() ? ReadLine() : absl::StatusOr<WrittenLog::Line>(opened);
    const bool failed = disk_->failures() > failures;
    disk_->ClearFaults();
    if (line.ok()) break;
    JudgeRefusal(line.status(), failed);
    Close();
    Require(disk_->open_handles() == 0, "files stay open");
    if (!failed || again) return false;
  }
  JudgeLine(*line);
  // What was recovered survives the next power cut, and is the same then.
  std::unique_ptr<SimFileSystem> later = disk_->AfterPowerCut();
  absl::Status opened = Open(*later, known);
  Require(opened.ok(), "what was recovered is refused: " + std::string(opened.ToString()));
  absl::StatusOr<WrittenLog::Line> same = ReadLine();
  Require(same.ok() && *same == *line, "something else is recovered the second time");
  disk_ = std::move(later);
  if (damage_ == Damage::kForged) return true;
  // All was read and is as it was written: what may be damaged still does not count.
  damage_ = Damage::kNone;
  head_ = line->empty() ? 0 : line->back();
  Require(
      wal_->recovery().last.value == (line->empty() ? known_.needed_from - 1 : written_.lsn(head_)),
      "the reader and recovery disagree about the end");
  known_.acknowledged = known_.sealed = head_;
  base_ = known_;
  return true;
}

inline void LogLife::Note(Mark mark, std::uint64_t value) {
  if (mark == kAcknowledged) known_.acknowledged = value;
  if (mark == kSealed) known_.sealed = value;
  if (mark == kNeeded) known_.needed_from = value;
  disk_->Mark(mark << kMarkShift | value);
}

inline void LogLife::Append(const std::vector<std::size_t>& sizes) {
  const std::uint64_t first = written_.next_id(), end = first + sizes.size() - 1;
  std::vector<std::string> payloads(sizes.size());
  std::vector<LogEntry> entries(sizes.size());
  std::vector<LogEntry*> pointers;
  std::uint64_t lsn = log_->last().value;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    written_.Add(++lsn, i == 0 ? head_ : first + i - 1, end);
    payloads[i] = WrittenLog::Payload(first + i, sizes[i]);
    entries[i].record.component = "c";
    entries[i].record.payload = payloads[i];
    pointers.push_back(&entries[i]);
  }
  const std::uint64_t failures = disk_->failures();
  absl::StatusOr<Lsn> last = log_->AppendBatch(pointers);
  const absl::Status durable = last.ok() ? log_->Persist(*last) : last.status();
  if (durable.ok()) {
    head_ = end;
    return Note(kAcknowledged, end);
  }
  Require(FaultOf(durable).has_value(), "an error without a fault");
  Require(damage_ == Damage::kForged || disk_->failures() > failures, "an append fails");
  Close();
}

inline void LogLife::Seal() {
  if (!wal_->Seal().ok()) return Close();
  Note(kSealed, head_);
}

// As behind a checkpoint: what is given up was durable, and is recorded elsewhere.
inline void LogLife::Trim(std::uint64_t keep) {
  const std::uint64_t last = log_->last().value;
  Note(kNeeded, std::max(known_.needed_from, last + 1 - std::min(last, keep)));
  if (!wal_->Trim({known_.needed_from}).ok()) Close();
}

inline void LogLife::CutPowerBefore(std::size_t events, std::uint64_t seed) {
  std::unique_ptr<SimFileSystem> torn;
  const CrashOptions first{.items_max = 0,
                           .samples = 1,
                           .seed = seed,
                           .from = disk_->events() - std::min(disk_->events(), events + 1),
                           .shards = ~0ULL};
  Known known = base_;
  VisitCrashStates(*disk_, first, [&](SimFileSystem& after, const CrashPoint& point) {
    for (std::uint64_t mark : point.marks) {
      const std::uint64_t value = mark & ((1ULL << kMarkShift) - 1);
      (mark >> kMarkShift == kAcknowledged ? known.acknowledged
       : mark >> kMarkShift == kSealed     ? known.sealed
                                           : known.needed_from) = value;
    }
    torn = after.Copy();
  });
  if (torn == nullptr) return CutPower();
  known_ = base_ = known;
  Replace(std::move(torn));
}

inline void LogLife::Damaged(Damage how, const std::string& block) {
  base_ = known_;
  disk_ = disk_->Copy();  // all that was done to it is there to stay
  if (how == Damage::kOneBlock && damage_ != Damage::kNone && damaged_block_ != block) {
    how = Damage::kMuch;
  }
  damage_ = std::max(damage_, how);
  damaged_block_ = block;
}

}  // namespace dr::test
