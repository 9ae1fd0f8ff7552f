#include "src/store/exclusive_names.h"

#include <unistd.h>

#include <string>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0 {
namespace {

absl::Status Try(Directory& directory, const std::string& first, const std::string& second,
                 const std::string& name) {
  for (const std::string& file : {first, second}) {
    DR_RETURN_IF_ERROR(
        directory.Open(file, {.access = Access::kWrite, .create = Create::kExclusive}).status());
  }
  DR_RETURN_IF_ERROR(directory.Link(first, name));
  DR_RETURN_IF_ERROR(directory.Link(second, name));
  return MakeFault({.kind = FaultKind::kUnsupported,
                    .place = name,
                    .next = "use another file system (ext4, xfs, btrfs)"},
                   "this file system gave one name to two files");
}

}  // namespace

absl::Status ProbeExclusiveNames(Directory& directory) {
  const std::string name = fmt::format("{}probe-{}", kTemporaryPrefix, getpid());
  const std::string first = name + "-1", second = name + "-2";
  const absl::Status tried = Try(directory, first, second, name);
  for (const std::string& made : {first, second, name}) {
    const absl::Status removed = directory.Remove(made);
    if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
  }
  return absl::IsUnimplemented(tried) ? tried : absl::OkStatus();
}

}  // namespace dr::inline v0
