#include "src/inspect/new_place.h"

#include <string_view>
#include <utility>
#include <vector>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0 {
namespace {

absl::Status Refused(std::string_view place, std::string_view what, std::string_view next) {
  return MakeFault(
      {.kind = FaultKind::kInvalid, .place = std::string(place), .next = std::string(next)}, what);
}

absl::Status RefuseWhereSomethingIs(FileSystem& files, const std::string& path) {
  const auto there = files.OpenDirectory(path, Create::kNever);
  if (absl::IsNotFound(there.status())) return absl::OkStatus();
  DR_RETURN_IF_ERROR(there.status());
  DR_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, (*there)->List());
  return entries.empty()
             ? absl::OkStatus()
             : Refused(path, "the output is there and not empty", "name a new directory");
}

std::string Above(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

absl::StatusOr<NewPlace> NewPlace::Prepare(FileSystem& files, std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  NewPlace place;
  place.name_ = path.substr(path.rfind('/') + 1);  // npos + 1 is 0
  if (place.name_ == "." || place.name_ == "..") {
    return Refused(path, "the output needs a name of its own", "name a new directory");
  }
  place.partial_ = place.name_ + ".partial";
  place.partial_path_ = path + ".partial";
  DR_RETURN_IF_ERROR(RefuseWhereSomethingIs(files, path));
  DR_ASSIGN_OR_RETURN(place.parent_, files.OpenDirectory(Above(path), Create::kNever));
  const auto partial = place.parent_->OpenDirectory(place.partial_, Create::kExclusive);
  if (absl::IsAlreadyExists(partial.status())) {
    return Refused(place.partial_path_, "an earlier salvage was interrupted here", "remove it");
  }
  DR_RETURN_IF_ERROR(partial.status());
  place.path_ = std::move(path);
  return place;
}

absl::Status NewPlace::Publish() {
  DR_RETURN_IF_ERROR(parent_->Rename(partial_, name_));
  const absl::Status synced = parent_->Sync();
  if (synced.ok()) return synced;
  return MakeFault({.kind = FaultKind::kAmbiguous,
                    .place = path_,
                    .next = "verify what is there, and sync the disk"},
                   fmt::format("it is written, but whether its name will last is not known: {}",
                               AsStd(synced.message())));
}

}  // namespace dr::inline v0
