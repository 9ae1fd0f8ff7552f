// Text from outside, made safe to show on a terminal and in a line of a log.
//
//   fmt::print("{}\n", dr::Printable(record.payload));
#pragma once

#include <string>
#include <string_view>

#include "dr/export.h"

namespace dr::inline v0 {

/// `text` with control characters and bytes that are not UTF-8 written as `\n`, `\x1b`, `\u009b`.
/// What is printable stays as it is, so printing twice changes nothing.
DR_EXPORT std::string Printable(std::string_view text);

}  // namespace dr::inline v0
