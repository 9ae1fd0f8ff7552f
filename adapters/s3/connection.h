// HTTP/1.1 over connections that stay open, through libcurl.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
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

struct HttpExchange {
  const S3Request& request;
  const S3Fields& headers;  ///< sent with it
  std::uint64_t answer_bytes_max = 0;
  /// The server may have seen the request.
  bool was_sent = false;
  /// A body longer than `answer_bytes_max` is kDataLoss. No response: kUnavailable,
  /// kDeadlineExceeded, kCancelled, or kUnauthenticated for a certificate.
  absl::StatusOr<HttpResponse> response = absl::UnknownError("not sent");
};

/// Used by one thread at a time. Follows no redirect, uses no proxy, verifies the server's
/// certificate.
class HttpConnections {
 public:
  /// `ca` is a file of certificates to trust instead of the machine's; empty: the machine's.
  static absl::StatusOr<std::unique_ptr<HttpConnections>> Make(const Clock& clock, std::string ca,
                                                               HttpLimits limits);
  ~HttpConnections();

  /// Sends all at the same time to `origin` (https://host:port), each over a connection of its own
  /// that is kept for the next. After an error another connection is made.
  void Send(std::string_view origin, std::span<HttpExchange> exchanges, const Context& context);

 private:
  struct Transfer;
  struct Handles;
  HttpConnections(const Clock& clock, std::string ca, HttpLimits limits);
  absl::Status Run(const Context& context);

  const Clock& clock_;
  const std::string ca_;
  const HttpLimits limits_;
  std::unique_ptr<Handles> handles_;
};

}  // namespace dr::inline v0
