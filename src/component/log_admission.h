// Entries on their way to their Lsns.
#pragma once

#include <optional>
#include <span>

#include "absl/status/status.h"
#include "dr/log/operation_log.h"
#include "src/base/assert.h"

namespace dr::inline v0 {

/// Entries whose space in the log is settled; it is given back unless they get their Lsns. Of one
/// thread. Admit is called first, and the rest once that was OK.
class LogAdmission {
 public:
  /// Log and entries outlive it.
  LogAdmission(OperationLog& log, std::span<LogEntry* const> entries)
      : log_(log), entries_(entries) {}
  ~LogAdmission() {
    if (admitted_) log_.Withdraw(entries_);
  }
  LogAdmission(const LogAdmission&) = delete;
  LogAdmission& operator=(const LogAdmission&) = delete;

  absl::Status Admit(const Context& context) {
    DR_ASSERT(!admitted_);
    absl::Status admitted = log_.Admit(entries_, context);
    admitted_ = admitted.ok();
    return admitted;
  }
  /// Neither waits nor allocates. nullopt: the log has no room now, which AwaitRoom waits for.
  std::optional<Lsn> TryAppend() {
    DR_ASSERT(admitted_);
    const std::optional<Lsn> lsn = log_.TryAppend(entries_);
    if (lsn) admitted_ = false;
    return lsn;
  }
  absl::Status AwaitRoom(const Context& context) const {
    return log_.AwaitRoom(entries_.size(), context);
  }

 private:
  OperationLog& log_;
  const std::span<LogEntry* const> entries_;
  bool admitted_ = false;
};

}  // namespace dr::inline v0
