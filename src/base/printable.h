// Text from outside, made safe to show on a terminal and in a line of a log.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dr::inline v0 {

/// How many bytes the character has that `text`, which is not empty, begins with. 0: it is a
/// control character, a mark that reorders what a terminal shows, or not UTF-8.
std::size_t PrintableBytes(std::string_view text);

/// `text` with control characters and bytes that are not UTF-8 written as \n, \x1b, \u009b. What is
/// printable stays as it is, so printing twice changes nothing.
std::string Printable(std::string_view text);

}  // namespace dr::inline v0
