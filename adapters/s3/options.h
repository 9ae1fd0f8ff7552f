// What a URI of an S3 store says: s3://bucket/prefix?region=…
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "dr/environment/file_system.h"
#include "dr/environment/uri.h"

namespace dr::inline v0 {

struct S3Options {
  std::string origin = {};  ///< https://host:port that is connected to
  std::string host = {};    ///< as the Host header has it
  std::string path = {};    ///< of the bucket, encoded, ending with '/'
  std::string root = {};    ///< what object names begin with; empty, or ending with '/'
  std::string region = {};
  std::string ca = {};       ///< file of certificates; empty: the machine's
  std::string profile = {};  ///< of the shared credentials file; empty: the environment first
};

/// What holds where the URI says nothing.
struct S3Defaults {
  std::string region = "us-east-1";
  std::string endpoint = {};  ///< empty: AWS of the region
  std::string ca = {};
};
/// From the environment and the profile, as AWS's own tools find it. kInvalidArgument for what they
/// would follow and this does not.
absl::StatusOr<S3Defaults> FindS3Defaults(FileSystem& files, const Uri& uri);

absl::StatusOr<S3Options> ReadS3Options(const Uri& uri, const S3Defaults& defaults = {});

}  // namespace dr::inline v0
