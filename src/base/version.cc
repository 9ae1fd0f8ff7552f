#include "dr/version.h"

namespace dr::inline v0 {

std::string_view LibraryVersion() { return DR_VERSION; }

}  // namespace dr::inline v0
