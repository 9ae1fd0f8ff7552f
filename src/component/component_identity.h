// Who a component is.
#pragma once

#include <string>

#include "dr/types.h"

namespace dr::inline v0 {

struct ComponentIdentity {
  std::string id = {};
  Schema schema = {};  ///< today's
};

}  // namespace dr::inline v0
