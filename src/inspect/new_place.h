// A directory that gets its name only when all that belongs in it is there.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/environment/file_system.h"

namespace dr::inline v0 {

class NewPlace {
 public:
  /// Makes `path`.partial, to be filled. kInvalidArgument: something is at `path` already, or an
  /// earlier filling was interrupted; the directory above has to be there.
  static absl::StatusOr<NewPlace> Prepare(FileSystem& files, std::string path);

  const std::string& partial_path() const { return partial_path_; }
  /// Gives it its name. kUnknown: it has it, but whether that will last is not known.
  absl::Status Publish();

 private:
  std::unique_ptr<Directory> parent_;
  std::string path_, name_, partial_, partial_path_;
};

}  // namespace dr::inline v0
