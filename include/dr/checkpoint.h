// When checkpoints are taken, and what was taken.
//
// Beside a log a checkpoint is fuzzy: each component is frozen at its own position while the others
// go on, and recovery replays for each only what its snapshot lacks. Without a directory there is
// nothing to replay, so all components are frozen at one position, and commits wait for that.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "dr/export.h"
#include "dr/types.h"

namespace dr::inline v0 {

/// How the components are frozen: by themselves, as said above.
enum class CheckpointMode : std::uint8_t { kFuzzy };

/// A checkpoint is due when any of the limits is reached and something has changed; 0 disables one.
/// Without a directory `log_bytes` counts what was committed, and there is no disk to share.
struct CheckpointPolicy {
  std::chrono::nanoseconds interval = std::chrono::seconds(10);  ///< since the last one
  std::uint64_t log_bytes = 256 << 20;                           ///< since the last one
  std::uint64_t operations = 0;                                  ///< since the last one
  bool on_shutdown = true;  ///< Host::Shutdown takes a last one
  /// The share of the time in which a checkpoint may write while operations are appended and no
  /// deadline presses: what it takes of the disk, it takes from commits. From 0.01 to 1, which
  /// means as fast as it goes.
  double disk_share = 0.03;
  /// At most this much is put aside on the disk, so that a checkpoint can be written, and log given
  /// up behind it, when the disk is full: as much as the newest took, a megabyte and a quarter. 0:
  /// nothing is put aside.
  std::uint64_t reserve_bytes = 64 << 20;
  std::uint32_t keep = 2;  ///< at least 1 stay; the log is kept back to the oldest of them. On a
                           ///< disk that has no room for more log, only the newest. Where there is
                           ///< no log, being opened counts as one
  std::uint32_t digest_every = 0;  ///< log a component's StateDigest every so many operations
  /// How long a store keeps what a host without a directory saves there; 0: for ever. A ttl erases
  /// the state of a host that is down for so long, which no other setting does. So it must cover
  /// the recovery window (`keep` times `interval`, and at least twice), each checkpoint writes
  /// everything anew, and one is taken at every interval even if nothing has changed.
  std::chrono::nanoseconds ttl = {};
};

/// What a checkpoint was.
struct CheckpointInfo {
  std::uint64_t sequence = 0;               ///< 0: nothing had changed, none was written
  Position position = {};                   ///< every component includes at least this
  std::uint64_t components_written = 0;     ///< those that had changed
  std::uint64_t components_carried = 0;     ///< unchanged, taken over from the one before
  std::uint64_t bytes = 0;                  ///< of the records that were written
  std::chrono::nanoseconds pause_max = {};  ///< longest time that writers of one component waited
};

/// What is saved of a component. State that cannot be read is none of these: that is an error.
enum class StateOutcome : std::uint8_t {
  kRestored,
  kEmpty,    ///< a state without a single record is saved
  kMissing,  ///< nothing is saved
};
/// "restored", "empty", "missing".
DR_EXPORT std::string_view NameOf(StateOutcome outcome);

}  // namespace dr::inline v0
