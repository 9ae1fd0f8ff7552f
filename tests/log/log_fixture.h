// What the tests of the log share: a log in a directory of its own, and its contents as a list.
#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "dr/log/wal.h"
#include "dr/status.h"
#include "tests/support/status.h"
#include "tests/support/temp_directory.h"

namespace dr::test {

struct LogOptions {
  std::uint64_t segment_bytes = 64 << 10;
  std::uint64_t group_bytes = 8 << 10;
  std::uint32_t ring_capacity = 8;
  Lsn known_durable = {};
  Lsn needed_from = {1};
};

/// Records of one batch, which stay where they are while the log may read them.
struct Batch {
  std::vector<std::string> payloads;
  std::vector<LogEntry> entries;
};

/// Batches whose outcome is open. Thread-safe.
struct OpenBatches {
  /// Until the log has taken `last`, its last Lsn.
  void Keep(std::unique_ptr<Batch> batch, Lsn last, const OperationLog& log) {
    const std::lock_guard lock(mutex);
    std::erase_if(batches, [&](const auto& kept) { return kept.first <= log.staged(); });
    batches.emplace_back(last, std::move(batch));
  }
  std::mutex mutex;
  std::vector<std::pair<Lsn, std::unique_ptr<Batch>>> batches;
};

/// An open log: the Wal with its OperationLog in front.
struct OpenLog {
  std::unique_ptr<OpenBatches> open = std::make_unique<OpenBatches>();
  std::unique_ptr<Wal> wal;
  std::unique_ptr<OperationLog> log;

  /// Appends one record and waits for its sync.
  absl::StatusOr<Lsn> Append(std::string_view payload, const Context& context = {}) {
    return AppendBatch({std::string(payload)}, context);
  }
  /// `taken`, if given, gets the last Lsn as soon as there is one.
  absl::StatusOr<Lsn> AppendBatch(std::vector<std::string> payloads, const Context& context = {},
                                  Lsn* taken = nullptr) {
    auto batch = std::make_unique<Batch>();
    batch->payloads = std::move(payloads);
    batch->entries.resize(batch->payloads.size());
    std::vector<LogEntry*> pointers;
    for (std::size_t i = 0; i < batch->payloads.size(); ++i) {
      LogEntry& entry = batch->entries[i];
      entry.record.component = "c";
      entry.record.schema_version = 1;
      entry.record.payload = batch->payloads[i];
      pointers.push_back(&entry);
    }
    absl::StatusOr<Lsn> last = pointers.size() == 1 ? log->Append(*pointers[0], context)
                                                    : log->AppendBatch(pointers, context);
    if (!last.ok()) return last;
    if (taken != nullptr) *taken = *last;
    if (absl::Status durable = log->Persist(*last, context); !durable.ok()) {
      open->Keep(std::move(batch), *last, *log);
      return durable;
    }
    return last;
  }
};

inline absl::StatusOr<OpenLog> TryOpen(Directory& directory, const Clock& clock, Random& random,
                                       const LogOptions& options = {},
                                       Observer* observer = nullptr) {
  WalOptions wal_options;
  wal_options.clock = &clock;
  wal_options.random = &random;
  wal_options.observer = observer;
  wal_options.segment_bytes = options.segment_bytes;
  wal_options.group_bytes = options.group_bytes;
  wal_options.known_durable = {{.durable = {.lsn = options.known_durable}}};
  wal_options.needed_from = options.needed_from;
  absl::StatusOr<std::unique_ptr<Wal>> wal = Wal::Open(directory, wal_options);
  if (!wal.ok()) return wal.status();
  OpenLog open;
  open.wal = *std::move(wal);
  open.log = std::make_unique<OperationLog>(*open.wal,
                                            OperationLogOptions{.capacity = options.ring_capacity});
  return open;
}

/// All payloads from `from` on; requires that they are there in order.
inline std::vector<std::string> Payloads(Wal& wal, Lsn from = {1}) {
  std::vector<std::string> payloads;
  std::unique_ptr<WalReader> reader = Value(wal.Read(from));
  for (Lsn expected = from;; expected = Next(expected)) {
    std::optional<RecordView> record = Value(reader->Next());
    if (!record) return payloads;
    REQUIRE(record->lsn.value == expected.value);
    payloads.emplace_back(record->payload);
  }
}

}  // namespace dr::test
