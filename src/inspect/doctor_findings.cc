#include "src/inspect/doctor_findings.h"

#include <algorithm>
#include <string>

#include "dr/status.h"
#include "fmt/format.h"

namespace dr::inline v0 {
namespace {

constexpr std::uint64_t kOpenFilesMin = 256;
constexpr std::uint32_t kOfOthers = 0077;

}  // namespace

std::vector<Finding> JudgePermissions(const DirectoryPermissions& permissions, std::uint32_t user) {
  std::vector<Finding> findings;
  if ((permissions.mode & kOfOthers) != 0) {
    findings.push_back(
        {.what = "others than its owner may enter the directory", .next = "chmod 700"});
  }
  if (permissions.owner != user) {
    findings.push_back({.what = fmt::format("the directory belongs to user {}, and this is user {}",
                                            permissions.owner, user),
                        .next = "look as the user the host runs as"});
  }
  return findings;
}

std::optional<Finding> JudgeFileLimit(std::uint64_t open_files_max) {
  if (open_files_max >= kOpenFilesMin) return std::nullopt;
  return Finding{.what = fmt::format("only {} files may be open at once", open_files_max),
                 .next = "raise ulimit -n"};
}

std::optional<Finding> JudgeFile(std::string_view name, DirectoryEntry::Type type,
                                 std::optional<std::uint32_t> owner, std::uint32_t expected) {
  if (type != DirectoryEntry::Type::kFile) {
    return Finding{.what = fmt::format("{} is no regular file", name), .next = "move it away"};
  }
  if (!owner || *owner == expected) return std::nullopt;
  return Finding{.what = fmt::format("{} belongs to user {}, and the directory to user {}", name,
                                     *owner, expected),
                 .next = "give it to that one (chown)"};
}

absl::Status JudgePlace(const std::vector<Finding>& findings, std::string_view place) {
  const bool safe = std::none_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.severity == Severity::kUnsafe;
  });
  if (safe) return absl::OkStatus();
  return MakeFault({.kind = FaultKind::kUnsupported,
                    .place = std::string(place),
                    .next = "use a local file system on a disk (ext4, xfs, btrfs, zfs)"},
                   "what is acknowledged here may be lost in a power cut");
}

}  // namespace dr::inline v0
