// Stores with one bug each, of the kinds that adapters have had.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "dr/adapter/memory_store.h"

namespace dr::test {

struct Bug {
  std::string_view name;
  /// A client of `store` with the bug.
  std::unique_ptr<StateAdapter> (*client)(MemoryStore& store);
  /// A case that is red on it.
  std::string_view noticed_by;
};

std::span<const Bug> Bugs();

}  // namespace dr::test
