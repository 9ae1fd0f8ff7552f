// Where keys come from, and what is done when they expire.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "dr/adapter/permits.h"
#include "dr/adapters/s3.h"
#include "dr/environment/file_system.h"
#include "dr/mutex.h"

namespace dr::inline v0 {

/// As AWS's own tools do: the environment's keys unless `profile` is given; else those of the
/// shared files, of `profile`, AWS_PROFILE or "default". kUnauthenticated if there are none, naming
/// where was looked, and where those tools would get keys in a way that is not followed here.
absl::StatusOr<S3Credentials> FindS3Credentials(FileSystem& files, std::string_view profile);

/// One profile of a shared file: "[name]" and lines "name = value". kUnauthenticated if it is not
/// there or lacks a key; errors have none of the file's content.
absl::StatusOr<S3Credentials> ParseS3Credentials(std::string_view text, std::string_view profile,
                                                 std::string_view place);

/// Thread-safe.
class S3KeyHolder {
 public:
  using Keys = std::shared_ptr<const S3Credentials>;
  S3KeyHolder(S3CredentialsSource source, const Clock& clock)
      : source_(std::move(source)), clock_(clock) {}

  /// The newest, asked for only once.
  absl::StatusOr<Keys> Current(const Context& context);
  /// Others than `expired`: asks the source unless another thread just has.
  absl::StatusOr<Keys> Renew(const Keys& expired, const Context& context);

 private:
  Keys Known() const;

  const S3CredentialsSource source_;
  const Clock& clock_;
  Permits asking_;
  mutable Mutex mutex_;
  Keys keys_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dr::inline v0
