// What the tests of dr::rocksdb have in common.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "dr/adapters/rocksdb.h"
#include "fmt/format.h"
#include "tests/support/machine.h"
#include "tests/support/temp_directory.h"

namespace dr::rocksdb_test {

struct Machine : test::Machine {
  AdapterRegistry registry = Registry();

  static AdapterRegistry Registry() {
    AdapterRegistry registry;
    REQUIRE(RegisterRocksdb(registry).ok());
    return registry;
  }
  absl::StatusOr<std::unique_ptr<StateAdapter>> TryOpen(const std::string& path,
                                                        std::string_view query = "") {
    return registry.Open(fmt::format("rocksdb://{}{}", path, query), environment);
  }
  std::unique_ptr<StateAdapter> Open(const std::string& path, std::string_view query = "") {
    auto store = TryOpen(path, query);
    INFO(store.status().ToString());
    REQUIRE(store.ok());
    return *std::move(store);
  }
};

}  // namespace dr::rocksdb_test
