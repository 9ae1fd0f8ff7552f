#include "src/base/file_rules.h"

#include <limits>

#include "dr/status.h"
#include "fmt/format.h"

namespace dr::inline v0 {

absl::Status CheckFileName(std::string_view name) {
  const bool valid = !name.empty() && name.size() <= kNameBytesMax && name != "." && name != ".." &&
                     name.find('/') == name.npos && name.find('\0') == name.npos;
  if (valid) return absl::OkStatus();
  return MakeFault({.kind = FaultKind::kInvalid,
                    .place = std::string(name.substr(0, kNameBytesMax)),
                    .next = "use one path component of 1 to 255 bytes"},
                   "not a file name");
}

absl::Status CheckFileRange(std::string_view place, WritePath path, std::uint64_t offset,
                            std::size_t size, const void* address) {
  constexpr std::uint64_t kOffsetMax = std::numeric_limits<std::int64_t>::max();
  if (offset > kOffsetMax || size > kOffsetMax - offset) {
    return MakeFault({.kind = FaultKind::kLimit,
                      .place = std::string(place),
                      .offset = offset,
                      .next = "stay below 2^63 bytes"},
                     fmt::format("{} bytes would pass the end of any file", size));
  }
  const auto bits = offset | size | reinterpret_cast<std::uintptr_t>(address);
  if (path == WritePath::kDirect && bits % kDirectAlignment != 0) {
    return MakeFault({.kind = FaultKind::kInvalid,
                      .place = std::string(place),
                      .offset = offset,
                      .next = fmt::format("align all three to {} bytes", kDirectAlignment)},
                     fmt::format("offset, length ({}) or address of direct I/O is odd", size));
  }
  return absl::OkStatus();
}

std::string JoinForMessage(std::string_view directory, std::string_view name) {
  std::string out(directory);
  if (!out.empty() && out.back() != '/') out += '/';
  return out += name;
}

}  // namespace dr::inline v0
