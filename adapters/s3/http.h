// One HTTP/1.1 request at a time over a connection that stays open, through libcurl.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "adapters/s3/sigv4.h"
#include "dr/clock.h"
#include "dr/types.h"

namespace dr::inline v0 {

struct HttpLimits {
  std::chrono::seconds connect = std::chrono::seconds(10);
  /// A transfer that moves less than 1 KiB/s for so long is given up, one that waits for an answer
  /// likewise.
  std::chrono::seconds stall = std::chrono::seconds(30);
};

struct HttpResponse {
  int status = 0;
  std::string body = {};
  S3Fields headers = {};  ///< names in lower case

  /// Its value, or nothing.
  std::string_view Find(std::string_view name) const;
};

/// Used by one thread at a time. Follows no redirect, uses no proxy, verifies the server's
/// certificate.
class HttpConnection {
 public:
  /// `ca` is a file of certificates to trust instead of the machine's; empty: the machine's.
  static absl::StatusOr<std::unique_ptr<HttpConnection>> Make(const Clock& clock, std::string ca,
                                                              HttpLimits limits);
  ~HttpConnection();

  /// Sends `request` with `headers` to `origin` (https://host:port). A body longer than
  /// `body_bytes_max` is kDataLoss. No response: kUnavailable, kDeadlineExceeded, kCancelled, or
  /// kUnauthenticated for a certificate; `was_sent` tells whether the server may have seen the
  /// request. Another connection is then made for the next one.
  absl::StatusOr<HttpResponse> Send(std::string_view origin, const S3Request& request,
                                    const S3Fields& headers, std::uint64_t body_bytes_max,
                                    const Context& context, bool& was_sent);

 private:
  struct Transfer;
  struct Handles;
  HttpConnection(const Clock& clock, std::string ca, HttpLimits limits);
  absl::Status Run(const Context& context, int& result);

  const Clock& clock_;
  const std::string ca_;
  const HttpLimits limits_;
  std::unique_ptr<Handles> handles_;
};

}  // namespace dr::inline v0
