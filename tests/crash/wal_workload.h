// Workloads for the log on a simulated disk, and what must be true after any crash in them.
#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>
#include <vector>

#include "dr/testing/sim_clock.h"
#include "dr/testing/sim_crash.h"
#include "dr/testing/sim_file_system.h"
#include "dr/testing/sim_random.h"
#include "fmt/format.h"
#include "tests/log/log_fixture.h"

namespace dr::test {

/// A log on a simulated disk. What it appends is a function of the Lsn, so that a recovered log can
/// be judged by itself; what it acknowledges is marked in the disk's journal.
class SimLog {
 public:
  explicit SimLog(SimFileSystem& disk, std::uint64_t seed = 1) : disk_(disk), random_(seed) {}

  /// `unit_end`: the last Lsn of the batch that the operation belongs to.
  static std::string PayloadOf(std::uint64_t lsn, std::size_t size, std::uint64_t unit_end) {
    std::string payload = fmt::format("{}:{}:", lsn, unit_end);
    while (payload.size() < size)
      payload += static_cast<char>('a' + (lsn * 7 + payload.size()) % 26);
    return payload;
  }
  static std::string PayloadOf(std::uint64_t lsn, std::size_t size) {
    return PayloadOf(lsn, size, lsn);
  }
  /// The end of the batch that a payload names.
  static std::uint64_t UnitEndOf(std::string_view payload) {
    const std::size_t colon = payload.find(':');
    return colon == std::string_view::npos ? 0
                                           : std::strtoull(payload.data() + colon + 1, nullptr, 10);
  }
  static bool IsPayloadOf(std::uint64_t lsn, std::string_view payload) {
    return payload == PayloadOf(lsn, payload.size(), UnitEndOf(payload));
  }

  absl::Status Open(LogOptions options, Observer* observer = nullptr) {
    if (!directory_) {
      auto directory = disk_.OpenDirectory("log", Create::kIfMissing);
      if (!directory.ok()) return directory.status();
      directory_ = *std::move(directory);
    }
    log_ = {};
    auto opened = TryOpen(*directory_, clock_, random_, options, observer);
    if (!opened.ok()) return opened.status();
    log_ = *std::move(opened);
    return absl::OkStatus();
  }
  void Close() { log_ = {}; }

  /// Appends, waits for the sync, and marks the acknowledgement.
  absl::Status Append(std::size_t size) {
    absl::StatusOr<Lsn> lsn = log_.Append(PayloadOf(log_.log->last().value + 1, size));
    if (!lsn.ok()) return lsn.status();
    disk_.Mark(lsn->value);
    return absl::OkStatus();
  }
  absl::Status AppendBatch(const std::vector<std::size_t>& sizes) {
    std::vector<std::string> payloads;
    std::uint64_t lsn = log_.log->last().value;
    const std::uint64_t end = lsn + sizes.size();
    for (std::size_t size : sizes) payloads.push_back(PayloadOf(++lsn, size, end));
    absl::StatusOr<Lsn> last = log_.AppendBatch(payloads);
    if (!last.ok()) return last.status();
    disk_.Mark(last->value);
    return absl::OkStatus();
  }
  absl::Status Seal() { return log_.wal->Seal(); }
  absl::Status Trim(Lsn keep_from) { return log_.wal->Trim(keep_from); }

  Wal& wal() { return *log_.wal; }
  OperationLog& log() { return *log_.log; }
  SimClock& clock() { return clock_; }

 private:
  SimFileSystem& disk_;
  SimClock clock_;
  SimRandom random_;
  std::unique_ptr<Directory> directory_;
  OpenLog log_;
};

/// What is wrong with a recovered log; empty if nothing is. What was acknowledged must be there from
/// `needed_from` on, each Lsn once (O1), without a gap (O2), and with the payload that was submitted
/// for it (O3).
inline std::string Judge(SimLog& log, Lsn acknowledged, Lsn needed_from) {
  absl::StatusOr<std::unique_ptr<WalReader>> reader = log.wal().Read(needed_from);
  if (!reader.ok()) return std::string(reader.status().ToString());
  Lsn last = {needed_from.value - 1};
  Lsn unit_end = last;
  for (;;) {
    absl::StatusOr<std::optional<RecordView>> record = (*reader)->Next();
    if (!record.ok()) return record.status().ToString();
    if (!*record) break;
    if ((*record)->lsn != Next(last))
      return fmt::format("{} follows {}", (*record)->lsn.value, last.value);
    last = (*record)->lsn;
    if (!SimLog::IsPayloadOf(last.value, (*record)->payload)) {
      return fmt::format("operation {} has another payload", last.value);
    }
    unit_end = {SimLog::UnitEndOf((*record)->payload)};
  }
  if (last != unit_end && last >= needed_from) {
    return fmt::format("half a batch: it ends at {}, the log at {}", unit_end.value, last.value);
  }
  if (last != log.wal().recovery().last) return "the reader and recovery disagree about the end";
  if (last < acknowledged) {
    return fmt::format("{} was acknowledged, the log ends at {}", acknowledged.value, last.value);
  }
  return "";
}

}  // namespace dr::test
