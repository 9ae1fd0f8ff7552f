#include "src/inspect/settled.h"

#include <catch2/catch.hpp>
#include <string>

#include "absl/status/statusor.h"

namespace dr::test {
namespace {

TEST_CASE("What is damaged once and then whole is whole (K75)") {
  int reads = 0;
  const auto read = [&]() -> absl::StatusOr<int> {
    if (++reads == 1) return absl::DataLossError("a gap");
    return reads;
  };
  CHECK(*Settled(read) == 2);
}

TEST_CASE("Damage is what was found twice alike (K75)") {
  int reads = 0;
  const auto read = [&]() -> absl::StatusOr<int> {
    ++reads;
    return absl::DataLossError(reads == 1 ? "a gap" : "rot");
  };
  CHECK(Settled(read).status() == absl::DataLossError("rot"));
  CHECK(reads == 3);
}

TEST_CASE("What is damaged otherwise each time changes too fast, which is no damage (K75)") {
  int reads = 0;
  const auto read = [&]() -> absl::StatusOr<int> {
    return absl::NotFoundError(std::to_string(++reads));
  };
  CHECK(absl::IsUnavailable(Settled(read).status()));
  CHECK(reads == kReadAttemptsMax + 1);
}

TEST_CASE("An error that is no doubt is not asked again") {
  int reads = 0;
  const auto read = [&]() -> absl::StatusOr<int> {
    ++reads;
    return absl::PermissionDeniedError("");
  };
  CHECK(absl::IsPermissionDenied(Settled(read).status()));
  CHECK(reads == 1);
}

}  // namespace
}  // namespace dr::test
