// What a server's errors mean in dr.
#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace dr::inline v0::postgres {

/// By the five characters of SQLSTATE.
absl::Status ErrorOfState(std::string_view sqlstate, std::string_view message,
                          std::string_view place);
/// Of a connection that could not be made, from libpq's verbose message.
absl::Status ErrorOfDial(std::string_view message, std::string_view place);

}  // namespace dr::inline v0::postgres
