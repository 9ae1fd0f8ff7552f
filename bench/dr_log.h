// dr's log as the rows use it: Wal and OperationLog, kept as a Host keeps them.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bench/peers/peer.h"
#include "dr/log/wal.h"

namespace bench {

class DrLog final : public LogStore {
 public:
  enum class Trims { kLikeCheckpoints, kNever };
  static absl::StatusOr<std::unique_ptr<DrLog>> Open(const std::string& directory, int threads,
                                                     Trims trims = Trims::kLikeCheckpoints);
  ~DrLog() override;

  /// Fills and trims segments until there are files to use again, as in a log that has been
  /// running.
  absl::Status Warm();
  absl::Status Append(int thread, std::span<const std::string_view> records) override;
  /// Ordered and encoded, and written when a group is full: what kProcess means.
  absl::Status AppendBuffered(std::string_view record);

  dr::Wal& wal() { return *wal_; }
  dr::OperationLog& log() { return *log_; }

 private:
  explicit DrLog(Trims trims) : trims_(trims) {}
  void Keep(std::stop_token stop);

  const Trims trims_;
  dr::PosixFileSystem files_;
  dr::SystemClock clock_;
  dr::SystemRandom random_;
  std::unique_ptr<dr::Directory> directory_;
  std::unique_ptr<dr::Wal> wal_;
  std::unique_ptr<dr::OperationLog> log_;
  std::vector<std::vector<dr::LogEntry>> entries_;  ///< of each thread
  std::jthread keeper_;                             ///< last: ends first
};

class BufferedDrLog final : public LogStore {
 public:
  explicit BufferedDrLog(std::shared_ptr<DrLog> log) : log_(std::move(log)) {}
  absl::Status Append(int thread, std::span<const std::string_view> records) override;

 private:
  std::shared_ptr<DrLog> log_;
};

}  // namespace bench
