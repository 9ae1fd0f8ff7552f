// What the files that AWS's own tools read say of a profile: ~/.aws/credentials and ~/.aws/config.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "dr/environment/file_system.h"
#include "dr/secret.h"

namespace dr::inline v0 {

/// By name; any may be a secret.
using S3Settings = std::map<std::string, Secret, std::less<>>;

/// A variable of the environment; empty if it is not set.
std::string_view AwsVariable(const char* name);

/// The settings below "[name]" or "[profile name]"; nullopt if there is no such line.
std::optional<S3Settings> ParseAwsProfile(std::string_view text, std::string_view name);

struct AwsProfile {
  std::string name = {};
  std::string place = {};  ///< the file of keys
  bool is_there = false;   ///< in one of the files
  S3Settings settings = {};
  absl::Status unread = {};  ///< why the file of keys could not be read

  /// Empty if there is none.
  std::string_view Find(std::string_view setting) const;
};
/// `name`, or that of AWS_PROFILE, or "default", from both files, of which either may be missing.
/// The file of keys goes first.
AwsProfile ReadAwsProfile(FileSystem& files, std::string_view name);

}  // namespace dr::inline v0
