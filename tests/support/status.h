// What tests demand of a status, and take out of a StatusOr.
#pragma once

#include <catch2/catch.hpp>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace dr::test {

#define REQUIRE_OK(expr)                                             \
  do {                                                               \
    const absl::Status required_status = ::dr::test::StatusOf(expr); \
    INFO(required_status.ToString());                                \
    REQUIRE(required_status.ok());                                   \
  } while (false)

inline absl::Status StatusOf(absl::Status status) { return status; }
template <typename T>
absl::Status StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}
template <typename T>
T Value(absl::StatusOr<T> result) {
  INFO(result.status().ToString());
  REQUIRE(result.ok());
  return *std::move(result);
}

}  // namespace dr::test
