// One call to a bucket, and its answer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "adapters/s3/connection.h"
#include "adapters/s3/sigv4.h"
#include "adapters/s3/xml.h"

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
  bool HasExpiredKeys() const {
    return error.code == "ExpiredToken" || error.code == "TokenRefreshRequired";
  }
  /// Ceph's gateway hands on the -ECANCELED of its OSD where a write overtakes a read or another
  /// write with If-Match, which then has done nothing. No other store has this code.
  bool IsOvertakenInCeph() const { return status == 500 && error.code == "UnknownError"; }
  /// Without its quotes.
  std::string etag() const;
};
/// An error that came in the body of a 200 counts as one.
S3Answer ReadAnswer(HttpResponse response);

}  // namespace dr::inline v0
