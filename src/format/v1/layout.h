// Format version 1, byte by byte. Frozen: FORMAT.md says what each field protects against, and the
// golden files under tests/format/golden hold it to that.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dr/types.h"

namespace dr::inline v0::format_v1 {

namespace prefix {
inline constexpr std::uint64_t kMagicValue = 0x0a0d474553724489ULL;  // 89 'D' 'r' 'S' 'E' 'G' CR LF
inline constexpr std::size_t kMagic = 0;
inline constexpr std::size_t kHash = 8;
inline constexpr std::size_t kHashed = 16;  // from here to the end of the padding
inline constexpr std::size_t kFormatVersion = 16;
inline constexpr std::size_t kMinReaderVersion = 18;
inline constexpr std::size_t kBlockBytes = 20;
inline constexpr std::size_t kKind = 24;
inline constexpr std::size_t kCodec = 25;
inline constexpr std::size_t kSuite = 26;
inline constexpr std::size_t kReserved1 = 27;
inline constexpr std::size_t kRingVersion = 28;
inline constexpr std::size_t kLogHigh = 32;
inline constexpr std::size_t kLogLow = 40;
inline constexpr std::size_t kNumber = 48;
inline constexpr std::size_t kSalt = 56;
inline constexpr std::size_t kEpoch = 64;
inline constexpr std::size_t kFirstLsn = 72;
inline constexpr std::size_t kDurableLsn = 80;
inline constexpr std::size_t kPreviousNumber = 88;
inline constexpr std::size_t kPreviousSalt = 96;
inline constexpr std::size_t kPreviousOffset = 104;
inline constexpr std::size_t kPreviousHash = 112;
inline constexpr std::size_t kPreviousLastLsn = 120;
inline constexpr std::size_t kCreated = 128;
inline constexpr std::size_t kHistoryLsn = 136;
inline constexpr std::size_t kHistoryHigh = 144;
inline constexpr std::size_t kHistoryLow = 152;
inline constexpr std::size_t kPreviousEntry = 160;
inline constexpr std::size_t kPreviousEpoch = 192;
inline constexpr std::size_t kSealSalt = 200;
inline constexpr std::size_t kCommitment = 216;
inline constexpr std::size_t kReserved2 = 248;
}  // namespace prefix

namespace group {
inline constexpr std::uint32_t kMagicValue = 0x50475244;  // 'D' 'R' 'G' 'P'
inline constexpr std::size_t kHash = 0;
inline constexpr std::size_t kHashed = 8;  // from here to the end of the padding
inline constexpr std::size_t kCheck = 8;
inline constexpr std::size_t kChecked = 12;  // from here to the end of the header
inline constexpr std::size_t kMagic = 12;
inline constexpr std::size_t kFlags = 16;
inline constexpr std::size_t kBodyBytes = 20;
inline constexpr std::size_t kStoredBytes = 24;
inline constexpr std::size_t kRecordCount = 28;
inline constexpr std::size_t kNumber = 32;
inline constexpr std::size_t kSalt = 40;
inline constexpr std::size_t kEpoch = 48;
inline constexpr std::size_t kFirstLsn = 56;
inline constexpr std::size_t kDurableLsn = 64;
inline constexpr std::size_t kPreviousHash = 72;
inline constexpr std::size_t kBaseTime = 80;
inline constexpr std::size_t kPlainBytes = 88;
inline constexpr std::size_t kReserved = 92;
}  // namespace group

namespace footer {  // the body of the last group
inline constexpr std::size_t kGroups = 0;
inline constexpr std::size_t kRecords = 8;
inline constexpr std::size_t kLastLsn = 16;
inline constexpr std::size_t kBytes = 24;
}  // namespace footer

namespace frame {
inline constexpr std::size_t kHeaderBytes = 4;
inline constexpr std::uint32_t kLengthMask = (1U << 30) - 1;
inline constexpr unsigned kTypeShift = 30;
inline constexpr std::uint32_t kFull = 0, kFirst = 1, kMiddle = 2, kLast = 3;
}  // namespace frame

namespace record {
inline constexpr std::uint8_t kKindMask = 0x0f;
inline constexpr std::uint8_t kBatchContinues = 0x10;
inline constexpr std::uint8_t kHasSubject = 0x20;
inline constexpr std::uint8_t kHasSchemaName = 0x40;
inline constexpr std::uint8_t kReservedBit = 0x80;
inline constexpr std::size_t kMinBytes = 4;  // kind, empty component, version, time
// Kind, three names with lengths of two bytes, version (5), time (10).
inline constexpr std::size_t kMaxHeaderBytes = 1 + 3 * (2 + kMaxNameBytes) + 5 + 10;
inline constexpr std::uint64_t kMaxBytes = kMaxHeaderBytes + kMaxPayloadBytes;
}  // namespace record

}  // namespace dr::inline v0::format_v1
