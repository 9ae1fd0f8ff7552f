#include "dr/log/operation_log.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <thread>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/base/assert.h"

namespace dr::inline v0 {
namespace {

constexpr int kYieldsMax = 64;
constexpr auto kPublishPause = std::chrono::microseconds(50);

absl::Status TooLong(std::string_view what, std::size_t bytes, std::size_t bytes_max) {
  return MakeFault({.kind = FaultKind::kLimit, .next = "shorten it or split it"},
                   fmt::format("{} has {} bytes, {} are allowed", what, bytes, bytes_max));
}

absl::Status CheckLengths(const RecordView& record) {
  if (record.payload.size() > kMaxPayloadBytes) {
    return TooLong("a payload", record.payload.size(), kMaxPayloadBytes);
  }
  for (std::string_view name : {record.component, record.schema_name, record.subject}) {
    if (name.size() > kMaxNameBytes) return TooLong("a name", name.size(), kMaxNameBytes);
  }
  return absl::OkStatus();
}

std::size_t LargeBytes(std::span<LogEntry* const> entries) {
  std::size_t bytes = 0;
  for (const LogEntry* entry : entries) {
    const std::size_t size = entry->record.payload.size();
    if (size > kSmallRecordBytes) bytes += size;
  }
  return bytes;
}

}  // namespace

OperationLog::OperationLog(LogSink& sink, OperationLogOptions options)
    : sink_(sink),
      mask_(std::bit_ceil(options.capacity) - 1),
      slots_(std::make_unique<std::atomic<LogEntry*>[]>(mask_ + 1)),
      tail_(sink.durable().value),
      limit_(last().value),
      staged_(last().value) {
  DR_ASSERT(!std::exchange(sink_.bound_, true));
  sink_.Bind(*this);
}

absl::Status OperationLog::AwaitRoom(std::uint64_t count, const Context& context) {
  while (tail_.load(std::memory_order_relaxed) + count > limit_.load(std::memory_order_acquire)) {
    DR_RETURN_IF_ERROR(sink_.MakeRoom(count, context));
  }
  return absl::OkStatus();
}

// One small record, as nearly all are: no loops over batches, nothing to settle beforehand.
absl::StatusOr<Lsn> OperationLog::Append(LogEntry& entry, const Context& context) {
  const RecordView& record = entry.record;
  entry.payload_digest = DigestOf(record.payload);
  const std::size_t longest_name =
      std::max({record.component.size(), record.schema_name.size(), record.subject.size()});
  if (longest_name <= kMaxNameBytes && record.payload.size() <= kSmallRecordBytes) {
    std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    while (tail < limit_.load(std::memory_order_acquire)) {
      if (!TakeTickets(tail, 1)) continue;
      Publish(entry, tail + 1, false);
      return Lsn{tail + 1};
    }
  }
  LogEntry* const entries[] = {&entry};
  return AppendBatch(entries, context);
}

absl::StatusOr<Lsn> OperationLog::AppendBatch(std::span<LogEntry* const> entries,
                                              const Context& context) {
  DR_RETURN_IF_ERROR(Admit(entries, context));
  for (;;) {
    if (const std::optional<Lsn> lsn = TryAppend(entries)) return *lsn;
    if (absl::Status room = AwaitRoom(entries.size(), context); !room.ok()) {
      Withdraw(entries);
      return room;
    }
  }
}

absl::Status OperationLog::Admit(std::span<LogEntry* const> entries, const Context& context) {
  if (entries.empty() || entries.size() > capacity() / 2) {
    return MakeFault({.kind = FaultKind::kLimit, .next = "commit it in several batches"},
                     fmt::format("a batch has {} operations, 1 to {} are allowed", entries.size(),
                                 capacity() / 2));
  }
  for (LogEntry* entry : entries) {
    DR_RETURN_IF_ERROR(CheckLengths(entry->record));
    entry->payload_digest = DigestOf(entry->record.payload);
  }
  const std::size_t large_bytes = LargeBytes(entries);
  return large_bytes == 0 ? absl::OkStatus() : sink_.Admit(large_bytes, context);
}

void OperationLog::Withdraw(std::span<LogEntry* const> entries) {
  if (const std::size_t large_bytes = LargeBytes(entries); large_bytes > 0) {
    sink_.Withdraw(large_bytes);
  }
}

std::optional<Lsn> OperationLog::TryAppend(std::span<LogEntry* const> entries) {
  const std::uint64_t count = entries.size();
  std::uint64_t tail = tail_.load(std::memory_order_relaxed);
  do {
    if (tail + count > limit_.load(std::memory_order_acquire)) return std::nullopt;
  } while (!TakeTickets(tail, count));
  // From here on nothing fails, blocks or allocates: the Lsns are taken.
  for (std::uint64_t i = 0; i < count; ++i) {
    Publish(*entries[i], tail + 1 + i, i + 1 < count);
  }
  return Lsn{tail + count};
}

// The producer may have lost its core, and a loop that only spins could keep it from it.
LogEntry& OperationLog::AwaitPublished(Lsn lsn) const {
  for (int looks = 0;; ++looks) {
    if (LogEntry* entry = slots_[lsn.value & mask_].load(std::memory_order_acquire)) return *entry;
    if (looks < kYieldsMax) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(kPublishPause);
    }
  }
}

void OperationLog::Release(Lsn lsn) {
  for (std::uint64_t i = staged_.load(std::memory_order_relaxed); i < lsn.value; ++i) {
    slots_[(i + 1) & mask_].store(nullptr, std::memory_order_relaxed);
  }
  staged_.store(lsn.value, std::memory_order_release);
}

}  // namespace dr::inline v0
