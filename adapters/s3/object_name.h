// A key, which is any bytes, as the name of an object, which is text that every S3 store, proxy and
// client takes as it is.
//
//   bytes 0x22 to 0x7B      themselves: printable ASCII but for a blank, '!', '|', '}' and '~'
//   bytes 0x00 to 0x21      '!' and a letter of kLetters
//   bytes 0x7C to 0xFF      '|', '}' or '~' and a letter of kLetters
//
// The order by unsigned bytes and prefixes stay what they were, so that a store's listing is ours.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace dr::inline v0 {

inline constexpr std::size_t kObjectNameBytesMax = 1024;  ///< S3's limit

/// At most twice as long.
std::string ObjectNameOf(std::string_view key);
/// nullopt for what ObjectNameOf never returns.
std::optional<std::string> KeyOfObjectName(std::string_view name);

}  // namespace dr::inline v0
