// Manifests from a stranger: whole ones, and bodies in a segment whose hashes hold. What decodes
// must encode to the same bytes.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "dr/repository/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 1) {
    dr::SegmentWriter writer({.kind = dr::SegmentKind::kManifest, .first_lsn = {1}});
    const dr::RecordView body{.component = "manifest", .schema_version = 1, .payload = bytes};
    if (!writer.Add(body).ok()) return 0;
    bytes = std::move(writer).Finish();
  }
  const absl::StatusOr<dr::BackupManifest> manifest = dr::DecodeManifest(bytes, "fuzz");
  if (!manifest.ok()) return 0;
  const absl::StatusOr<std::string> again = dr::EncodeManifest(*manifest);
  if (!again.ok() || *again != bytes) std::abort();
  return 0;
}
