// What a kMarker record says: the digest of a component's state after one of its operations.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dr/digest.h"
#include "dr/types.h"

namespace dr::inline v0 {

struct DigestMarker {
  Lsn as_of = {};
  std::uint32_t schema_version = 0;
  Digest digest = {};
};

std::string EncodeDigestMarker(const DigestMarker& marker);
/// nullopt: not a marker of this kind.
std::optional<DigestMarker> DecodeDigestMarker(std::string_view payload);

}  // namespace dr::inline v0
