// Is replay deterministic? Rebuilds state from a checkpoint and the log in a scratch place, and
// compares it with what was recorded live.
//
//   auto report = dr::VerifyReplay({.directory = "/var/lib/agent", .scratch = "/tmp/replay"}, [] {
//     std::vector<std::unique_ptr<dr::StatefulComponent>> fresh;
//     fresh.push_back(std::make_unique<Inventory>());
//     return fresh;
//   });
//   if (report.ok() && !report->equal) fmt::print("{}\n", report->text);
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dr/environment/file_system.h"
#include "dr/export.h"
#include "dr/stateful_component.h"
#include "dr/types.h"

namespace dr::inline v0 {

/// Fresh instances of all components, in the same state each time.
using ComponentFactory = std::function<std::vector<std::unique_ptr<StatefulComponent>>()>;

/// Which state is replayed, and where.
struct ReplayOptions {
  std::string directory = {};  ///< of a host that is not open; of a running one, a snapshot
                               ///< of its file system, copied. It is only read
  std::string scratch = {};    ///< an empty directory elsewhere, which is filled and left empty
  std::vector<std::string> retired = {};  ///< as RecoveryOptions::retired
  FileSystem* files = nullptr;            ///< null: the machine's
};

/// What replay and log say of each other.
struct ReplayReport {
  bool equal = true;             ///< false: the rest names where they part
  std::uint64_t operations = 0;  ///< replayed
  std::uint64_t digests = 0;     ///< compared
  std::string component = {};    ///< whose digests differ
  Lsn last_equal = {};           ///< its newest digest that agrees, or the checkpoint begun from
  Lsn first_difference = {};     ///< the first operation after which digests are known to differ
  std::string text = {};         ///< one line for a person
};

/// Compares at every digest in the log (CheckpointPolicy::digest_every) and at every newer
/// checkpoint. If a difference is found, it replays twice more in step. If those two differ as
/// well, it names the operation after which they do: that operation depends on something that is
/// not in the log. Errors are those of Host::Open, including kUnavailable while a host has the
/// directory; kInvalidArgument if the scratch place lies inside it, or the factory threw.
DR_EXPORT absl::StatusOr<ReplayReport> VerifyReplay(const ReplayOptions& options,
                                                    const ComponentFactory& factory);

}  // namespace dr::inline v0
