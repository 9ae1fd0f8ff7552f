// What an endpoint really does, found out on objects of the probe's own.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "adapters/s3/client.h"
#include "dr/environment/random.h"

namespace dr::inline v0 {

/// How the store wants an ETag in If-Match: AWS takes both ways, Ceph 16 only the bare one, and
/// others only the quoted one of the standard.
enum class ETagStyle : bool { kBare, kQuoted };
std::string IfMatch(std::string_view etag, ETagStyle style);

struct S3Findings {
  bool creates_once = false;         ///< If-None-Match: *
  bool replaces_by_version = false;  ///< If-Match, in `style`
  ETagStyle style = ETagStyle::kQuoted;
  std::size_t etag_bytes = 0;  ///< of this store's ETags; some take the first part of one for all
  bool checks_signatures = false;
  std::vector<std::string> weaknesses = {};  ///< of each that is false, a sentence
};

/// Writes beneath the options' root, under names that are no key's, and cleans up. An error is
/// one of reaching or using the bucket at all.
absl::StatusOr<S3Findings> ProbeS3(S3Client& client, Random& random, const Context& context);

}  // namespace dr::inline v0
