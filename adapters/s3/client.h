// Signed calls to one bucket, and what its answers mean.
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
#include "adapters/s3/credentials.h"
#include "adapters/s3/http.h"
#include "adapters/s3/location.h"
#include "adapters/s3/xml.h"
#include "dr/adapter/connection_pool.h"
#include "dr/clock.h"
#include "dr/types.h"

namespace dr::inline v0 {

enum class S3Signature : bool { kRight, kForged };

struct S3Call {
  std::string_view method = {};
  std::string_view object = {};  ///< empty: the bucket
  S3Fields query = {};
  S3Fields headers = {};
  std::string_view body = {};
  std::string_view more_body = {};
  std::uint64_t answer_bytes_max = 1 << 20;
  S3Signature signature = S3Signature::kRight;

  bool writes() const { return method != "GET"; }
};

struct S3Answer {
  int status = 0;  ///< HTTP's, but 500 or 503 for an error that came with 200
  HttpResponse response = {};
  S3Error error = {};

  bool ok() const { return status >= 200 && status < 300; }
  bool HasNoObject() const { return status == 404 && error.code != "NoSuchBucket"; }
  /// Ceph's gateway hands on the -ECANCELED of its OSD where a write overtakes a read or another
  /// write with If-Match, which then has done nothing. No other store has this code.
  bool IsOvertakenInCeph() const { return status == 500 && error.code == "UnknownError"; }
  /// Without its quotes.
  std::string etag() const;
};

/// Thread-safe.
class S3Client {
 public:
  S3Client(S3Location location, const Clock& clock, S3CredentialsSource source, HttpLimits limits);

  const S3Location& location() const { return location_; }
  /// What the store answered. Signs once more where the clocks differ or the keys have expired, and
  /// reads again what was overtaken. Without an answer: the reason, or kUnknown for a call that may
  /// have changed something.
  absl::StatusOr<S3Answer> Call(const S3Call& call, const Context& context);
  /// The same for each, several at a time.
  std::vector<absl::StatusOr<S3Answer>> CallAll(std::span<const S3Call> calls,
                                                const Context& context);
  /// What an answer that is not OK means for `call`; kNotFound only for a missing object.
  absl::Status Meaning(const S3Call& call, const S3Answer& answer) const;

 private:
  using Keys = S3KeyHolder::Keys;
  using Sessions = ConnectionPool<HttpSession>;

  absl::Status SendAll(Sessions& sessions, std::span<const S3Call> calls, const S3Credentials& keys,
                       std::span<absl::StatusOr<S3Answer>> answers, const Context& context);
  absl::StatusOr<S3Answer> CallOnce(const S3Call& call, const S3Credentials& keys,
                                    const Context& context);
  absl::StatusOr<S3Answer> Again(const S3Call& call, Keys keys, absl::StatusOr<S3Answer> answer,
                                 const Context& context);
  bool CorrectClock(const S3Answer& answer);
  absl::Status Redirected(const S3Answer& answer) const;

  const S3Location location_;
  const Clock& clock_;
  S3KeyHolder keys_;
  std::atomic<std::int64_t> ahead_seconds_{0};  // the store's clock before ours
  Sessions sessions_;                           // of one connection
  Sessions batches_;                            // of several
};

}  // namespace dr::inline v0
