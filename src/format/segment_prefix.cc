#include "dr/log/segment_prefix.h"

#include <fmt/format.h>

#include <algorithm>

#include "dr/digest.h"
#include "dr/status.h"
#include "src/format/decoder.h"
#include "src/format/little_endian.h"
#include "src/format/v1/layout.h"

namespace dr::inline v0 {
namespace {

namespace layout = format_v1::prefix;

constexpr std::uint16_t kMinReaderVersion = 1;  // for what this build writes

absl::Status Unknown(std::string_view place, std::string what) {
  return MakeFault({.kind = FaultKind::kVersion,
                    .place = std::string(place),
                    .offset = 0,
                    .next = "Open it with a newer version of dr."},
                   what);
}

/// What this build cannot read although it is sound.
absl::Status CheckKnown(const SegmentPrefix& prefix, std::string_view place) {
  if (prefix.min_reader_version > kSegmentFormatVersion) {
    return Unknown(place, fmt::format("format version {} needs a reader of version {}, this build "
                                      "reads versions 1 to {}",
                                      prefix.format_version, prefix.min_reader_version,
                                      kSegmentFormatVersion));
  }
  if (prefix.codec != 0) {
    return Unknown(place, fmt::format("codec {} found, known is 0", prefix.codec));
  }
  if (prefix.suite != 0) {
    return Unknown(place, fmt::format("suite {} found, known is 0", prefix.suite));
  }
  return absl::OkStatus();
}

}  // namespace

std::string EncodePrefix(const SegmentPrefix& prefix) {
  std::string bytes(std::max<std::size_t>(kPrefixBytes, prefix.block_bytes), '\0');
  EncodePrefixInto(bytes, prefix);
  return bytes;
}

void EncodePrefixInto(std::span<char> out, const SegmentPrefix& prefix) {
  std::fill(out.begin(), out.end(), '\0');
  char* at = out.data();
  StoreLittle(at + layout::kMagic, layout::kMagicValue);
  StoreLittle(at + layout::kFormatVersion, kSegmentFormatVersion);
  StoreLittle(at + layout::kMinReaderVersion, kMinReaderVersion);
  StoreLittle(at + layout::kBlockBytes, prefix.block_bytes);
  StoreLittle(at + layout::kKind, static_cast<std::uint8_t>(prefix.kind));
  StoreLittle(at + layout::kCodec, prefix.codec);
  StoreLittle(at + layout::kSuite, prefix.suite);
  StoreLittle(at + layout::kLogHigh, prefix.log.high);
  StoreLittle(at + layout::kLogLow, prefix.log.low);
  StoreLittle(at + layout::kNumber, prefix.number);
  StoreLittle(at + layout::kSalt, prefix.salt);
  StoreLittle(at + layout::kEpoch, prefix.epoch.value);
  StoreLittle(at + layout::kFirstLsn, prefix.first_lsn.value);
  StoreLittle(at + layout::kDurableLsn, prefix.durable_lsn.value);
  StoreLittle(at + layout::kPreviousNumber, prefix.previous.number);
  StoreLittle(at + layout::kPreviousSalt, prefix.previous.salt);
  StoreLittle(at + layout::kPreviousOffset, prefix.previous.offset);
  StoreLittle(at + layout::kPreviousHash, prefix.previous.hash);
  StoreLittle(at + layout::kPreviousLastLsn, prefix.previous.last_lsn.value);
  StoreLittle(at + layout::kCreated, absl::ToUnixNanos(prefix.created));
  StoreLittle(at + layout::kRingVersion, prefix.ring_version);
  StoreLittle(at + layout::kHistoryLsn, prefix.history_lsn.value);
  StoreLittle(at + layout::kHistoryHigh, prefix.history.high);
  StoreLittle(at + layout::kHistoryLow, prefix.history.low);
  StoreLittle(at + layout::kPreviousEpoch, prefix.previous.epoch.value);
  StoreBytes(at + layout::kPreviousEntry, prefix.previous.entry);
  StoreBytes(at + layout::kSealSalt, prefix.seal_salt);
  StoreBytes(at + layout::kCommitment, prefix.commitment);
  const std::string_view bytes(out.data(), out.size());
  StoreLittle(at + layout::kHash, HashOf(bytes.substr(layout::kHashed)));
}

std::uint64_t PrefixHash(std::string_view encoded) {
  return LoadLittle<std::uint64_t>(encoded.data() + layout::kHash);
}

// Magic, hash, both versions and block_bytes keep their place and meaning in every version, so that
// damage is told from novelty before anything else is believed.
absl::StatusOr<SegmentPrefix> DecodePrefix(std::string_view bytes, std::string_view place) {
  if (bytes.size() < kPrefixBytes) {
    return DamagedSegment(SegmentKind::kLog, place, bytes.size(), std::nullopt,
                          "the segment ends inside its prefix");
  }
  const char* at = bytes.data();
  const auto kind = static_cast<SegmentKind>(at[layout::kKind]);
  const Lsn first_lsn = {LoadLittle<std::uint64_t>(at + layout::kFirstLsn)};
  const auto damaged = [&](std::string_view what) {
    return DamagedSegment(kind, place, 0, first_lsn, what);
  };
  if (LoadLittle<std::uint64_t>(at + layout::kMagic) != layout::kMagicValue) {
    return damaged("this is not a segment: its first bytes are wrong");
  }
  const auto block_bytes = LoadLittle<std::uint32_t>(at + layout::kBlockBytes);
  if (block_bytes != 1 && block_bytes != kBlockBytes) {
    return damaged("the block size in the prefix is neither 1 nor 4096");
  }
  const std::size_t padded = std::max<std::size_t>(kPrefixBytes, block_bytes);
  if (bytes.size() < padded) return damaged("the segment ends inside its prefix");
  bytes = bytes.substr(0, padded);
  if (HashOf(bytes.substr(layout::kHashed)) != PrefixHash(bytes)) {
    return damaged("the hash of the prefix does not hold");
  }
  const auto version = LoadLittle<std::uint16_t>(at + layout::kFormatVersion);
  const auto min_reader = LoadLittle<std::uint16_t>(at + layout::kMinReaderVersion);
  if (version == 0 || min_reader == 0 || min_reader > version) {
    return damaged("the versions in the prefix contradict each other");
  }
  SegmentPrefix prefix{.format_version = version, .min_reader_version = min_reader};
  if (min_reader > kSegmentFormatVersion) return CheckKnown(prefix, place);
  if (const char* wrong = DecoderFor(version).prefix(bytes, &prefix)) return damaged(wrong);
  if (absl::Status known = CheckKnown(prefix, place); !known.ok()) return known;
  return prefix;
}

}  // namespace dr::inline v0
