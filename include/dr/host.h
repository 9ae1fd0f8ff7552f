// The door: opens a directory, recovers its components, and keeps them durable.
//
//   Inventory inventory;                                          // outlives the host
//   auto host = dr::Host::Open({.directory = "/var/lib/agent", .components = {&inventory}},
//                              dr::LinkedAdapters());             // recovered when it returns
//   if (!host.ok()) return dr::PrintError(host.status());
//   if (absl::Status s = inventory.Add("bolt", 3); !s.ok()) return dr::PrintError(s);
//
// Or, for state that may lose what came after the last checkpoint, a store and no directory:
//
//   {.repository = "redis://db/0?namespace=agent7", .components = {&inventory},
//    .durability = dr::Durability::kProcess, .checkpoint = {.interval = std::chrono::minutes(1)}}
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/adapter/adapter_registry.h"
#include "dr/adapter/layers.h"
#include "dr/batch.h"
#include "dr/checkpoint.h"
#include "dr/clock.h"
#include "dr/environment/file_system.h"
#include "dr/environment/random.h"
#include "dr/export.h"
#include "dr/log/wal.h"
#include "dr/observer.h"
#include "dr/stateful_component.h"
#include "dr/status.h"
#include "dr/types.h"

namespace dr::inline v0 {

class KeyRing;
class StoredState;

/// What an operator or a new version of the program says about the state that is opened.
struct RecoveryOptions {
  /// Components that have state in the log or in a checkpoint and are meant to be given up. Open
  /// fails if any other component has state there and was not given to the host.
  std::vector<std::string> retired = {};
  /// Says that an operator has checked the machine's wall clock and that it is right: the times of
  /// operations go on from it, even if that is a step back, or far ahead of the last one. Without
  /// this they never decrease: where a log was once written with a clock ahead, they go on from
  /// there at half the clock's pace until it has caught up (`Figures::time_ahead`). It is recorded
  /// once, at this opening.
  bool trust_clock = false;
};

/// Everything that dr needs from outside; null stands for the machine's own. All outlive the host.
struct Environment {
  FileSystem* files = nullptr;   ///< for the directory, and for adapters that use files
  const Clock* clock = nullptr;  ///< for deadlines, intervals and recorded times
  Random* random = nullptr;      ///< for ids, salts and pauses
  Observer* observer = nullptr;  ///< null: no events
};

/// Sizes of the local log.
struct LogLimits {
  /// The size of a file of the log: a multiple of 4096, at least 65536. 0: by the volume, a 64th of
  /// it and at most 64 MiB. On a volume below 4 GiB, room for a checkpoint is put aside before the
  /// log takes any, and a checkpoint is taken when the log has grown by an eighth of the volume.
  std::uint64_t segment_bytes = 0;
  std::uint64_t group_bytes = 1 << 20;  ///< the longest single write
  /// How many operations may be under way; a power of two, at least 2. Space is prepared for each,
  /// so there are fewer on a volume that has less than 64 KiB for each.
  std::uint32_t ring_capacity = 4096;
};

/// What a host opens, and how it keeps it.
struct HostOptions {
  std::string directory = {};  ///< created if missing; one host at a time
  /// URI of a store, instead of the directory: state is in memory, and only what checkpoints save
  /// there survives, so `durability` must be kProcess. One host at a time has it, the one that was
  /// opened last. Not offered yet beside a directory (kUnimplemented).
  std::string repository = {};
  std::vector<StatefulComponent*> components = {};  ///< each once; they outlive the host
  Durability durability = Durability::kLocal;       ///< of commits that do not say themselves
  CheckpointPolicy checkpoint = {};                 ///< when checkpoints are taken
  RecoveryOptions recovery = {};                    ///< for this opening
  const KeyRing* keys = nullptr;                    ///< not offered yet (kUnimplemented)
  Environment environment = {};                     ///< files, clock, randomness, observer
  LogLimits log = {};                               ///< sizes of the log, if there is a directory
  /// A component whose callback takes longer has failed; only its own callers notice. At least 1
  /// ms; `nanoseconds::max()` means no deadline. Callbacks are not watched during Open.
  std::chrono::nanoseconds callback_deadline = std::chrono::seconds(30);
  /// What stands between the host and its repository: retries, bandwidth, concurrency, time-outs.
  LayerOptions store = {};
};

/// What a monitor wants to know. A snapshot; cheap to take.
struct Figures {
  Position durable = {};                        ///< without a directory: the newest checkpoint's
  std::uint64_t operations = 0;                 ///< applied by this host, replay not counted
  std::uint64_t replayed = 0;                   ///< at open
  std::uint64_t pending = 0;                    ///< logged and not applied yet
  std::uint64_t checkpoints = 0;                ///< taken by this host
  std::uint64_t checkpoint_failures = 0;        ///< of this host
  std::chrono::nanoseconds recovery_time = {};  ///< how long Open took
  std::chrono::nanoseconds checkpoint_pause_p50 = {};  ///< writers of one component waited
  std::chrono::nanoseconds checkpoint_pause_p99 = {};  ///< likewise
  std::chrono::nanoseconds checkpoint_pause_max = {};  ///< likewise
  Position checkpointed = {};                          ///< of the newest checkpoint
  /// Time since the newest checkpoint was taken; nullopt if there is none.
  std::optional<std::chrono::nanoseconds> checkpoint_age = {};
  std::vector<std::string> failed_components = {};  ///< ids; not used again by this host
  /// How far the times of operations are ahead of the wall clock. If negative, the wall clock has
  /// leapt ahead by that much, and will be believed when that has lasted for ten minutes. More than
  /// a minute either way is an event, kClockApart.
  std::chrono::nanoseconds time_ahead = {};
  StoreFigures store = {};  ///< of the repository of a host without a directory
  WalFigures wal = {};      ///< zeros without a directory
};

/// Thread-safe. Starts no thread before Start. A caller that has to wait for another's work, such
/// as a checkpoint under way, waits no longer than its context allows.
class DR_EXPORT Host {
 public:
  /// Recovers: loads the newest readable checkpoint and replays the log. From a repository alone it
  /// loads the newest checkpoint, which must be readable. kUnavailable: another process has the
  /// directory, or the store is away. kDataLoss: the log or every usable checkpoint is damaged (it
  /// says what, where and from which Lsn). kUnimplemented: a schema or format that cannot be read
  /// here, or a store that cannot do what is asked. kFailedPrecondition: a component is missing.
  /// After an error the components hold an unspecified state: destroy them.
  static absl::StatusOr<std::unique_ptr<Host>> Open(HostOptions options,
                                                    const AdapterRegistry& adapters,
                                                    const Context& context = {});
  /// Like a kill, but waits for callbacks and detaches the components.
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  /// From now on, threads of the host seal an idle log, prepare space, complete asynchronous
  /// commits and take checkpoints by policy. They sleep while there is nothing to do. A second call
  /// does nothing. kResourceExhausted: not all threads could be made; none is left, and Start may
  /// be called again.
  absl::Status Start();
  /// Does once, on the caller's thread, what Start's threads do: for runtimes with an event loop of
  /// their own. If `descriptor` was never called, each Step takes the log to be at rest and seals
  /// it. Two things together tell a loop when to call Step, and it need not call at any other time:
  ///
  ///   const int fd = *host->descriptor();
  ///   for (;;) {
  ///     … poll(fd, POLLIN) until host->next_deadline() …
  ///     host->Step();
  ///   }
  absl::Status Step(const Context& context = {});
  /// Readable when Step has something to do, or when `next_deadline` has come nearer; Step clears
  /// it. It belongs to the host: it is the same each time, must not be read or closed, and is gone
  /// with the host. From this call on, Step seals the log only when it has been at rest for a
  /// while.
  absl::StatusOr<int> descriptor();
  /// When Step will have something to do if nothing else comes, by the environment's clock; "never"
  /// if nothing is due. It may be in the past.
  Instant next_deadline();
  /// Takes a checkpoint now. If a component fails in it, the whole checkpoint fails, and the
  /// previous one stays in force.
  absl::StatusOr<CheckpointInfo> Checkpoint(CheckpointMode mode = CheckpointMode::kFuzzy,
                                            const Context& context = {});

  /// Refuses new commits, completes those under way, takes a last checkpoint (by policy; one that
  /// the host's own threads have under way is given up for it), seals, detaches, and releases the
  /// directory or the store: another host may open it when this returns OK. Past the deadline it
  /// stops where it is, which is as safe as a kill. Without a deadline it gives up on a store that
  /// has not answered for 20 s. Without a directory an error means that the state has not been
  /// saved; call it again. It is refused (kFailedPrecondition) in a commit's callback, on a thread
  /// of the host and inside Step.
  absl::Status Shutdown(const Context& context = {});
  /// Of now; behind Shutdown those of its end. Thread-safe, as all here.
  Figures figures() const;

 private:
  friend StoredState* StateOf(Host& host);
  class Impl;
  explicit Host(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dr::inline v0
