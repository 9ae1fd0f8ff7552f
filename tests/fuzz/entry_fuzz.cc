// Manifests, claims and catalogs from a stranger: whole ones, and bodies in an entry whose hashes
// hold. What decodes must encode to the same bytes. The first byte of an input says which it is.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "dr/repository/manifest.h"
#include "src/format/catalog.h"
#include "src/format/claim.h"
#include "src/format/entry.h"

namespace {

template <typename Decode, typename Encode>
void Try(dr::SegmentKind kind, bool is_body, std::string bytes, Decode decode, Encode encode) {
  if (is_body) {
    dr::SegmentPrefix prefix{.kind = kind};
    if (kind == dr::SegmentKind::kCatalog) prefix.log = {1, 2};  // it has one for certain
    absl::StatusOr<std::string> entry = dr::EncodeEntry(prefix, bytes);
    if (!entry.ok()) return;
    bytes = *std::move(entry);
  }
  auto decoded = decode(bytes, "fuzz");
  if (!decoded.ok()) return;
  const absl::StatusOr<std::string> again = encode(*std::move(decoded));
  if (!again.ok() || *again != bytes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > (1 << 20)) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool is_body = data[0] % 2 == 1;
  switch (data[0] / 2 % 3) {
    case 0:
      Try(dr::SegmentKind::kManifest, is_body, bytes, dr::DecodeManifest, dr::EncodeManifest);
      break;
    case 1:
      Try(dr::SegmentKind::kClaim, is_body, bytes, dr::DecodeClaim, dr::EncodeClaim);
      break;
    default:
      Try(dr::SegmentKind::kCatalog, is_body, bytes, dr::DecodeCatalog, dr::EncodeCatalog);
  }
  return 0;
}
