// AWS Signature Version 4 with a signed payload: what proves to S3 who sent a request, and that
// nobody changed it on the way, its conditions included.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "dr/adapters/s3.h"

namespace dr::inline v0 {

/// Pairs of names and values: of headers, in lower case, or of a query, not yet encoded.
using S3Fields = std::vector<std::pair<std::string, std::string>>;

struct S3Request {
  std::string_view method = {};
  std::string host = {};   ///< as the Host header has it
  std::string path = "/";  ///< encoded
  S3Fields query = {};
  S3Fields headers = {};       ///< all are signed
  std::string_view body = {};  ///< sent as `body` and `more_body`, one behind the other
  std::string_view more_body = {};
};

/// Escapes all but letters, digits, "-._~" and, where `keep` has it, '/'.
enum class Slash : bool { kEscape, kKeep };
std::string PercentEncode(std::string_view text, Slash slash);

/// name=value&…, encoded and in the order that is signed.
std::string CanonicalQuery(const S3Fields& query);

/// The request's headers with those that sign it (host, x-amz-date, x-amz-content-sha256,
/// x-amz-security-token, authorization), by name.
S3Fields SignedHeaders(const S3Request& request, const S3Credentials& credentials,
                       std::string_view region, absl::Time now);

}  // namespace dr::inline v0
