#include "src/directory/reserve.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "dr/status_macros.h"
#include "src/base/set_aside.h"

namespace dr::inline v0 {
namespace {

constexpr std::uint64_t kChunkBytes = 1 << 20;

}  // namespace

absl::StatusOr<Reserve> Reserve::Open(Directory& directory) {
  DR_RETURN_IF_ERROR(SetAsideUnlessFile(directory, kName));
  const absl::StatusOr<std::unique_ptr<File>> file = directory.Open(kName, {});
  if (absl::IsNotFound(file.status())) return Reserve(directory, 0);
  DR_RETURN_IF_ERROR(file.status());
  DR_ASSIGN_OR_RETURN(const FileInfo info, (*file)->Info());
  return Reserve(directory, info.size);
}

absl::Status Reserve::Keep(std::uint64_t bytes) {
  if (bytes <= bytes_ && bytes_ <= 4 * bytes) return absl::OkStatus();
  if (bytes == 0) return Release().status();
  DR_ASSIGN_OR_RETURN(
      std::unique_ptr<File> file,
      directory_->Open(kName, {.access = Access::kWrite, .create = Create::kIfMissing}));
  const std::uint64_t ample = bytes + bytes / 4;
  const absl::Status kept = bytes_ < ample ? Grow(*file, ample) : file->Truncate(ample);
  DR_ASSIGN_OR_RETURN(const FileInfo info, file->Info());
  bytes_ = info.size;
  return kept;
}

absl::Status Reserve::Grow(File& file, std::uint64_t bytes) {
  const std::string zeros(std::min(bytes - bytes_, kChunkBytes), '\0');
  for (std::uint64_t at = bytes_; at < bytes; at += zeros.size()) {
    const std::uint64_t length = std::min<std::uint64_t>(zeros.size(), bytes - at);
    DR_RETURN_IF_ERROR(file.WriteAt(at, std::string_view(zeros).substr(0, length)));
  }
  return file.Sync();  // a file system may promise room that it only looks for now
}

absl::StatusOr<bool> Reserve::Release() {
  if (std::exchange(bytes_, 0) == 0) return false;
  const absl::Status removed = directory_->Remove(kName);
  if (absl::IsNotFound(removed) || absl::IsInvalidArgument(removed)) return false;
  DR_RETURN_IF_ERROR(removed);
  return true;
}

}  // namespace dr::inline v0
