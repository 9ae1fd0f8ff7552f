// Every way in which a power cut or a kill may leave a SimFileSystem.
//
//   dr::CrashCount count = dr::VisitCrashStates(
//       disk, {.seed = 7}, [&](dr::SimFileSystem& after, const dr::CrashPoint& point) {
//         auto log = Recover(after);
//         INFO(point.Describe());
//         REQUIRE(log->last() >= (point.marks.empty() ? 0 : point.marks.back()));
//       });
//   fmt::print("{} states\n", count.states);
//
// Each state is a disk of its own with an empty journal, so a crash inside recovery is a visit
// inside a visit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "absl/functional/function_ref.h"
#include "dr/export.h"
#include "dr/testing/sim_file_system.h"

namespace dr::inline v0 {

/// What a power cut leaves of names that were not synced.
enum class NameOrder : std::uint8_t {
  kAnySubset,  ///< each change on its own: all that POSIX allows
  kInOrder,    ///< all up to some moment, over all directories: what a journalling file system does
};

/// Which of the states that a crash can leave are visited.
struct CrashOptions {
  NameOrder names = NameOrder::kAnySubset;  ///< of a power cut
  /// Where at most this many sectors, sizes and names are open, all subsets are visited: every
  /// combination of outcomes if those are at most 2^items_max, otherwise each subset with its
  /// losers old, and again with losers as the seed has it. Above, `samples` as the seed has it.
  std::size_t items_max = 10;
  std::size_t samples = 256;  ///< states of a crash point that is too large to visit all
  std::uint64_t seed = 1;     ///< the same seed visits the same states
  /// Crash points before this event are left out.
  std::size_t from = 0;
  /// Visits every `shards`-th state beginning with `shard`, so that threads can share the work.
  std::uint64_t shard = 0;
  std::uint64_t shards = 1;  ///< how many share the work
};

/// Where the crash was and what it left. Valid during the visit.
class DR_EXPORT CrashPoint {
 public:
  /// Events that had happened. Moments that leave the same possibilities are visited as one, the
  /// last of them, which has the most marks.
  std::size_t event = 0;
  /// Which state of this crash point.
  std::uint64_t state = 0;
  /// All marks that came before, in order.
  std::span<const std::uint64_t> marks = {};

  /// For a failing test: the last event, and what became of everything that was open.
  std::string Describe() const;

 private:
  friend class CrashVisit;
  const void* detail_ = nullptr;
  std::string (*describe_)(const CrashPoint&) = nullptr;
};

/// What was visited.
struct CrashCount {
  std::uint64_t points = 0;  ///< moments of a crash
  std::uint64_t states = 0;  ///< visited
};

/// Called for each state with a disk as the next process finds it, which is gone behind the call.
using CrashVisitor = absl::FunctionRef<void(SimFileSystem& after, const CrashPoint& point)>;

/// Power cuts. `disk` may not be in use.
DR_EXPORT CrashCount VisitCrashStates(const SimFileSystem& disk, const CrashOptions& options,
                                      CrashVisitor visitor);
/// Kills: calls under way have done nothing, a part, or all; content that a failed sync dropped is
/// still in the cache, or gone. Each disk's journal goes on after `after.events()` events, so that
/// a later power cut (CrashOptions::from) may take what only the cache held. Of `options`, `from`,
/// `shard` and `shards` count.
DR_EXPORT CrashCount VisitKillStates(const SimFileSystem& disk, const CrashOptions& options,
                                     CrashVisitor visitor);

}  // namespace dr::inline v0
