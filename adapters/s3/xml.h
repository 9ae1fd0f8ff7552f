// The documents that S3 answers with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace dr::inline v0 {

struct S3Error {
  std::string code = {};
  std::string message = {};
  std::string region = {};
  std::string endpoint = {};
};
/// nullopt for anything but an Error document.
std::optional<S3Error> ParseS3Error(std::string_view body);

struct S3Listing {
  struct Object {
    std::string name = {};  ///< decoded
    std::uint64_t bytes = 0;
  };
  std::vector<Object> objects = {};
  bool truncated = false;
};
/// Of ListObjectsV2 with encoding-type=url. kUnavailable for anything else, as after an answer
/// that was cut.
absl::StatusOr<S3Listing> ParseS3Listing(std::string_view body);

}  // namespace dr::inline v0
