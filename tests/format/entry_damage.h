// Damage to whole entries: manifests, claims, catalogs.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "dr/log/segment.h"
#include "dr/status.h"
#include "src/format/entry.h"

namespace dr::test {

inline std::string BodyOf(const std::string& bytes) {
  SegmentReader reader = SegmentReader::Open(bytes, "entry").value();
  return std::string((**reader.Next()).payload);
}

/// Every flipped bit and every length that is too short must be an error that names its place.
inline void CheckEveryDamage(const std::string& good,
                             absl::FunctionRef<absl::Status(std::string_view)> decode) {
  std::size_t silent = 0;
  const auto refused = [&](std::string_view bytes) {
    const absl::Status status = decode(bytes);
    const bool named = absl::IsDataLoss(status) && FaultOf(status)->place == "entry";
    if (status.ok()) ++silent;
    return named;
  };
  std::string bad = good;
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    if (!refused(bad)) FAIL_CHECK("bit " << bit);
    bad[bit / 8] = good[bit / 8];
  }
  for (std::size_t length = 0; length < good.size(); ++length) {
    if (!refused(std::string_view(good).substr(0, length))) FAIL_CHECK("length " << length);
  }
  CHECK(silent == 0);
}

}  // namespace dr::test
