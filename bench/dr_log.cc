#include "bench/dr_log.h"

#include <chrono>

#include "dr/status_macros.h"

namespace bench {
namespace {

// What a checkpoint every 256 MiB of log, the default, leaves to be trimmed.
constexpr std::uint64_t kSegmentsKept = 4;

dr::RecordView Record(std::string_view payload) {
  return {.component = "bench", .schema_version = 1, .payload = payload};
}

}  // namespace

absl::StatusOr<std::unique_ptr<DrLog>> DrLog::Open(const std::string& directory, int threads,
                                                   Trims trims) {
  std::unique_ptr<DrLog> log(new DrLog(trims));
  DR_ASSIGN_OR_RETURN(log->directory_,
                      log->files_.OpenDirectory(directory, dr::Create::kIfMissing));
  const dr::WalOptions options{.clock = &log->clock_, .random = &log->random_};
  DR_ASSIGN_OR_RETURN(log->wal_, dr::Wal::Open(*log->directory_, options));
  log->log_ = std::make_unique<dr::OperationLog>(*log->wal_, dr::OperationLogOptions{});
  log->entries_.resize(threads);
  log->keeper_ = std::jthread([log = log.get()](std::stop_token stop) { log->Keep(stop); });
  return log;
}

DrLog::~DrLog() = default;

absl::Status DrLog::Warm() {
  const std::string payload(dr::kSmallRecordBytes, 'x');
  while (wal_->figures().recycled == 0) DR_RETURN_IF_ERROR(AppendBuffered(payload));
  return log_->Persist(log_->last());
}

void DrLog::Keep(std::stop_token stop) {
  while (!stop.stop_requested()) {
    absl::StatusOr<bool> more = wal_->Prepare();
    if (trims_ == Trims::kLikeCheckpoints && wal_->figures().segments > kSegmentsKept) {
      static_cast<void>(wal_->Trim(dr::Next(wal_->durable())));
    }
    if (!more.ok() || !*more) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

absl::Status DrLog::Append(int thread, std::span<const std::string_view> records) {
  std::vector<dr::LogEntry>& entries = entries_[thread];
  entries.resize(records.size());
  dr::Lsn last;
  for (std::size_t i = 0; i < records.size(); ++i) {
    entries[i].record = Record(records[i]);
    DR_ASSIGN_OR_RETURN(last, log_->Append(entries[i]));
  }
  return log_->Persist(last);
}

absl::Status DrLog::AppendBuffered(std::string_view record) {
  dr::LogEntry entry{.record = Record(record)};
  DR_ASSIGN_OR_RETURN(dr::Lsn lsn, log_->Append(entry));
  return log_->Stage(lsn);
}

absl::Status BufferedDrLog::Append(int, std::span<const std::string_view> records) {
  for (std::string_view record : records) DR_RETURN_IF_ERROR(log_->AppendBuffered(record));
  return absl::OkStatus();
}

}  // namespace bench
