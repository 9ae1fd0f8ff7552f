// The version of the library that a program runs with. With a shared library it may be another than
// the one the program was compiled against.
#pragma once

#include <string_view>

#include "dr/export.h"

/// Durable state for agent runtimes: host.h is the door, stateful_component.h what a runtime
/// writes.
namespace dr::inline v0 {

/// "MAJOR.MINOR.PATCH". Thread-safe; the text lives as long as the program.
DR_EXPORT std::string_view LibraryVersion();

}  // namespace dr::inline v0
