// Reads format version 1. Frozen: changes only where it accepted what FORMAT.md refuses.
#pragma once

#include "src/format/decoder.h"

namespace dr::inline v0::format_v1 {

extern const Decoder kDecoder;

}  // namespace dr::inline v0::format_v1
