// What is wrong with a place and with the process that looks at it: decisions without I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "dr/environment/file_system.h"
#include "dr/inspect/doctor.h"
#include "src/base/posix_process.h"

namespace dr::inline v0 {

std::vector<Finding> JudgePermissions(const DirectoryPermissions& permissions, std::uint32_t user);
std::optional<Finding> JudgeFileLimit(std::uint64_t open_files_max);
/// Of a name in a host's directory. `owner` is its file's, if that is known; `expected` the
/// directory's.
std::optional<Finding> JudgeFile(std::string_view name, DirectoryEntry::Type type,
                                 std::optional<std::uint32_t> owner, std::uint32_t expected);
/// The verdict of a diagnosis without damage, all of which could be tried.
absl::Status JudgePlace(const std::vector<Finding>& findings, std::string_view place);

}  // namespace dr::inline v0
