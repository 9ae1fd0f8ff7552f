// The fixed start of every segment: what it is, whose, and where it goes on.
//
//   std::string bytes = dr::EncodePrefix({.kind = dr::SegmentKind::kState, .salt = salt});
//   absl::StatusOr<dr::SegmentPrefix> prefix = dr::DecodePrefix(bytes, "its name");
//
// In a repository it is the header of an entry, too: `log` is the lineage, `number` the place in
// the sequence, `previous` the entry before.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dr/digest.h"
#include "dr/export.h"
#include "dr/types.h"

namespace dr::inline v0 {

inline constexpr std::uint16_t kSegmentFormatVersion = 1;  ///< what is written; older ones are read
inline constexpr std::size_t kBlockBytes = 4096;           ///< group alignment in log files
inline constexpr std::size_t kPrefixBytes = 256;           ///< padded to block_bytes where larger

/// What the records of a segment are.
enum class SegmentKind : std::uint8_t {
  kLog = 1,       ///< operations: a file of the log, a part or a piece of it in a repository
  kState = 2,     ///< state of components
  kManifest = 3,  ///< what belongs together
  kClaim = 4,     ///< who may write from here on
  kCatalog = 5,   ///< what a repository keeps
};

/// Identifies one log (or repository) among all that ever were: 128 random bits.
struct LogId {
  std::uint64_t high = 0;  ///< the first 64 bits
  std::uint64_t low = 0;   ///< and the others
  friend bool operator==(const LogId&, const LogId&) = default;
};

/// Where a segment's predecessor ends. What lies behind that place in it is dead.
struct SegmentEnd {
  std::uint64_t number = 0;  ///< 0: there is no predecessor
  std::uint64_t salt = 0;    ///< protects against another file under the same number
  std::uint64_t offset = 0;  ///< first byte behind its last living group
  std::uint64_t hash = 0;    ///< of its last living group, or of its prefix if it has none
  Lsn last_lsn = {};         ///< of its last record; 0: it has none
  Epoch epoch = {};          ///< in which that record was written
  Sha256 entry = {};         ///< of all its bytes as stored, in a repository's sequence; else zero
  friend bool operator==(const SegmentEnd&, const SegmentEnd&) = default;
};

/// As it was written; all of it is covered by one hash.
struct SegmentPrefix {
  SegmentKind kind = SegmentKind::kLog;                  ///< what the records are
  std::uint16_t format_version = kSegmentFormatVersion;  ///< as read; always this when written
  std::uint16_t min_reader_version = 1;                  ///< protects against a reader too old
  std::uint8_t codec = 0;                                ///< 0: stored as is
  std::uint8_t suite = 0;                                ///< 0: not sealed
  std::uint32_t ring_version = 0;                        ///< of the keys; 0: not sealed
  std::uint32_t block_bytes = 1;                         ///< 1 or kBlockBytes
  LogId log = {};                                        ///< protects against files of another log
  std::uint64_t number = 1;                              ///< 1, 2, 3 … within a log
  std::uint64_t salt = 0;    ///< protects against old groups in a recycled file
  Epoch epoch = {};          ///< in which it was written
  Lsn first_lsn = {};        ///< of its first record
  Lsn durable_lsn = {};      ///< evidence: synced when this was written
  Lsn history_lsn = {};      ///< where `history` is: the last record that began before
  Digest history = {};       ///< the sum of all records up to there; zero: not known
  SegmentEnd previous = {};  ///< where this one goes on
  absl::Time created = absl::UnixEpoch();  ///< by the wall clock
  std::array<char, 16> seal_salt = {};     ///< of a sealed segment
  std::array<char, 32> commitment = {};    ///< to the key of a sealed segment
  friend bool operator==(const SegmentPrefix&, const SegmentPrefix&) = default;
};

/// Prefix as stored, padded to the first block. Its PrefixHash is what the first group chains to.
DR_EXPORT std::string EncodePrefix(const SegmentPrefix& prefix);
/// The same into `out`, of max(kPrefixBytes, block_bytes) bytes.
DR_EXPORT void EncodePrefixInto(std::span<char> out, const SegmentPrefix& prefix);
DR_EXPORT std::uint64_t PrefixHash(std::string_view encoded);  ///< of what EncodePrefix returned
/// Needs max(kPrefixBytes, block_bytes) bytes. kDataLoss where it is not valid, kUnimplemented for
/// a version, codec or suite that this build does not know (naming found and known).
DR_EXPORT absl::StatusOr<SegmentPrefix> DecodePrefix(std::string_view bytes,
                                                     std::string_view place);

}  // namespace dr::inline v0
