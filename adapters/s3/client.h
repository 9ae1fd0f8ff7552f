// Signed calls to one bucket.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "adapters/s3/call.h"
#include "adapters/s3/connection.h"
#include "adapters/s3/credentials.h"
#include "adapters/s3/options.h"
#include "dr/adapter/connection_pool.h"
#include "dr/clock.h"
#include "dr/types.h"

namespace dr::inline v0 {

/// Thread-safe.
class S3Client {
 public:
  S3Client(S3Options options, const Clock& clock, S3CredentialsSource source, HttpLimits limits);

  const S3Options& options() const { return options_; }
  /// What the store answered. Signs once more where the clocks differ or the keys have expired, and
  /// reads again what was overtaken. Without an answer: the reason, or kUnknown for a call that may
  /// have changed something.
  absl::StatusOr<S3Answer> Call(const S3Call& call, const Context& context);
  /// The same for each, several at a time.
  std::vector<absl::StatusOr<S3Answer>> CallAll(std::span<const S3Call> calls,
                                                const Context& context);

 private:
  using Keys = S3KeyHolder::Keys;
  using Pool = ConnectionPool<HttpConnections>;

  absl::Status SendAll(Pool& pool, std::span<const S3Call> calls, const S3Credentials& keys,
                       std::span<absl::StatusOr<S3Answer>> answers, const Context& context);
  absl::StatusOr<S3Answer> CallOnce(const S3Call& call, const S3Credentials& keys,
                                    const Context& context);
  absl::StatusOr<S3Answer> Again(const S3Call& call, Keys keys, absl::StatusOr<S3Answer> answer,
                                 const Context& context);
  bool CorrectClock(const S3Answer& answer);

  const S3Options options_;
  const Clock& clock_;
  S3KeyHolder keys_;
  std::atomic<std::int64_t> ahead_seconds_{0};  // the store's clock before ours
  Pool calls_;                                  // of one connection
  Pool batches_;                                // of several
};

}  // namespace dr::inline v0
