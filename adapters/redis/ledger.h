// Whether a server still has what was acknowledged to this store.
//
//   {namespace}:w:NONCE   how many writes of one opened store the server has carried out
//
// The counter is counted up by the script of each write, so AOF, replicas and a move between nodes
// keep it together with the values. Every new connection reads it: less than was acknowledged means
// that a fail-over or a restart lost the rest.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/mutex.h"

namespace dr::inline v0::redis {

/// Thread-safe.
class Ledger {
 public:
  static constexpr std::int64_t kNone = -1;  ///< there is no counter

  /// OK, or from the first loss on kDataLoss.
  absl::Status status() const;
  /// The counter, as far as it is known.
  std::int64_t acknowledged() const;

  /// A connection to `server` (by its run id) was made, on which the counter was `count`; `before`
  /// is what was acknowledged before it was asked. Gives a number for the server, which changes
  /// whenever another one takes over. kDataLoss if it has less than was acknowledged.
  absl::StatusOr<std::uint64_t> Admit(std::string_view server, std::int64_t count,
                                      std::int64_t before);
  /// Connections to it may still be used.
  bool IsCurrent(std::uint64_t admitted) const;

  /// A write was acknowledged as number `count` by the server with this number; `before` is what
  /// was acknowledged when it was sent. Not OK if that acknowledgement is worth nothing.
  absl::Status Acknowledge(std::int64_t count, std::int64_t before, std::uint64_t admitted);

 private:
  absl::Status Lost(std::int64_t count, std::int64_t expected)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  std::int64_t acknowledged_ ABSL_GUARDED_BY(mutex_) = kNone;
  std::string server_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t number_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace dr::inline v0::redis
