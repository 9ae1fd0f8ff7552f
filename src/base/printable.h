// Which bytes of a text can be shown as they are.
#pragma once

#include <cstddef>
#include <string_view>

namespace dr::inline v0 {

/// How many bytes the character has that `text`, which is not empty, begins with. 0: it is a
/// control character, a mark that reorders what a terminal shows, or not UTF-8.
std::size_t PrintableBytes(std::string_view text);

}  // namespace dr::inline v0
