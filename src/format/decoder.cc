#include "src/format/decoder.h"

#include <iterator>

#include "dr/status.h"
#include "src/format/v1/decoder.h"

namespace dr::inline v0 {
namespace {

constexpr const Decoder* kDecoders[] = {&format_v1::kDecoder};  // version 1, 2, 3 …

}  // namespace

const Decoder& DecoderFor(std::uint16_t format_version) {
  const std::size_t known = std::size(kDecoders);
  const std::size_t wanted = format_version == 0 ? 1 : format_version;
  return *kDecoders[(wanted < known ? wanted : known) - 1];
}

absl::Status DamagedSegment(SegmentKind kind, std::string_view place, std::uint64_t offset,
                            std::optional<Lsn> lsn, std::string_view what) {
  const bool is_log = kind < SegmentKind::kState || kind > SegmentKind::kCatalog;
  return MakeFault(
      {.kind = is_log ? FaultKind::kWalCorrupt : FaultKind::kAuthFailed,
       .place = std::string(place),
       .offset = offset,
       .lsn = lsn,
       .next = is_log ? "Keep the file as it is and restore from a checkpoint or backup."
                      : "Use another checkpoint or backup; this one is damaged."},
      what);
}

}  // namespace dr::inline v0
