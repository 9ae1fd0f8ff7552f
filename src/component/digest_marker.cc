#include "src/component/digest_marker.h"

#include <cstdio>

#include "fmt/format.h"

namespace dr::inline v0 {

// Text, so that `drctl log show` prints it as it is.
std::string EncodeDigestMarker(const DigestMarker& marker) {
  return fmt::format("digest {} {} {:016x}{:016x}", marker.as_of.value, marker.schema_version,
                     marker.digest.high, marker.digest.low);
}

std::optional<DigestMarker> DecodeDigestMarker(std::string_view payload) {
  DigestMarker marker;
  unsigned long long as_of = 0, high = 0, low = 0;
  int used = 0;
  const std::string text(payload);
  if (std::sscanf(text.c_str(), "digest %llu %u %16llx%16llx%n", &as_of, &marker.schema_version,
                  &high, &low, &used) != 4 ||
      static_cast<std::size_t>(used) != text.size()) {
    return std::nullopt;
  }
  marker.as_of = {as_of};
  marker.digest = {high, low};
  return marker;
}

}  // namespace dr::inline v0
