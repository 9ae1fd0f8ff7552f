// The file DURABLE: how far the log was durable when somebody last looked.
//
// A group says what was durable before it, so about the last groups the log itself knows nothing.
// The mark does: it is written after their sync and before anybody is told, though never synced. It
// survives a killed process as it is; after a power cut an older one may be there, or none. Each
// value that it ever had is true for good, so whichever is found may be believed.
#pragma once

#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "dr/environment/file_system.h"
#include "dr/log/segment.h"

namespace dr::inline v0 {

inline constexpr std::string_view kDurableMarkName = "DURABLE";

struct DurableMark {
  LogId log = {};
  Position durable = {};  ///< and which opening saw it
  Digest history = {};    ///< of the log up to there
};

/// The mark of a log directory; nullopt where none can be read, which proves nothing.
absl::StatusOr<std::optional<DurableMark>> ReadDurableMark(Directory& directory);

/// One thread at a time.
class DurableMarkWriter {
 public:
  static absl::StatusOr<DurableMarkWriter> Open(Directory& directory, LogId log, Epoch epoch);
  /// Without it the log is as safe, only slower to notice rot: failures are of no account.
  void Write(Lsn lsn, const Digest& history);

 private:
  DurableMarkWriter(std::unique_ptr<File> file, LogId log, Epoch epoch)
      : file_(std::move(file)), log_(log), epoch_(epoch) {}
  std::unique_ptr<File> file_;
  LogId log_;
  Epoch epoch_;
};

}  // namespace dr::inline v0
