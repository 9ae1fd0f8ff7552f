// What every FileSystem refuses before it touches anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "dr/environment/file_system.h"
#include "dr/export.h"

namespace dr::inline v0 {

inline constexpr std::size_t kNameBytesMax = 255;

/// OK for one path component of 1 to 255 bytes that is not "." or ".."; otherwise kInvalidArgument.
DR_EXPORT absl::Status CheckFileName(std::string_view name);

/// OK if the range ends below 2^63 and, for kDirect, all three are multiples of kDirectAlignment;
/// otherwise kInvalidArgument. `place` names the file.
DR_EXPORT absl::Status CheckFileRange(std::string_view place, WritePath path, std::uint64_t offset,
                                      std::size_t size, const void* address);

/// `directory`/`name`, for messages and for nothing else.
DR_EXPORT std::string JoinForMessage(std::string_view directory, std::string_view name);

}  // namespace dr::inline v0
