// What libcurl's errors and a store's answers mean in dr.
#pragma once

#include <curl/curl.h>

#include <string_view>

#include "absl/status/status.h"
#include "adapters/s3/call.h"

namespace dr::inline v0 {

/// Of an answer that is not OK, to `call` at `origin`; kNotFound only for a missing object.
absl::Status ErrorOf(const S3Call& call, const S3Answer& answer, std::string_view origin);

/// Of a transfer that ended without an answer; `detail` is curl's own text, or empty.
absl::Status ErrorOf(CURLcode code, std::string_view detail, std::string_view origin);
/// kUnavailable: the store at `origin` did not answer.
absl::Status NoAnswer(std::string_view origin, std::string_view why);

}  // namespace dr::inline v0
