// A piece of state that survives: subclass StatefulComponent, change it only through Commit.
//
//   class Inventory : public dr::StatefulComponent {
//    public:
//     Inventory() : StatefulComponent("inventory", {.name = "inventory", .version = 1}) {}
//     absl::Status Add(std::string_view item, int n) { return Commit(Encode(item, n)).status(); }
//
//    private:
//     absl::Status Apply(const dr::Operation& op) override;            // live and in replay
//     absl::Status SaveState(dr::StateWriter& out) const override;
//     absl::Status LoadState(dr::StateReader& in) override;
//   };
//
// Commit logs the operation, waits until it is as durable as asked, applies it, and returns. What a
// reader of the state sees has therefore survived already. Many threads may commit to one
// component; their operations are applied one at a time, in Lsn order, under the exclusive
// state_mutex().
//
// Readers take the lock shared:   dr::ReaderLock lock(state_mutex());  return items_.at(item);
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/digest.h"
#include "dr/export.h"
#include "dr/mutex.h"
#include "dr/schema_upgrades.h"
#include "dr/state_stream.h"
#include "dr/types.h"

namespace dr::inline v0 {

class ComponentCallbacks;
class ComponentCore;

/// How one operation is committed.
struct CommitOptions {
  std::optional<Durability> durability = {};  ///< default: the host's
  OperationKind kind = {};                    ///< anything but kMarker
  std::string_view subject = {};              ///< whose data it is
  Context context = {};  ///< of this call; what it ends is not undone (see Commit)
};

/// A view of the state that stays as it is while the component goes on, and writes it out. Called
/// once, perhaps on another thread, with no lock held; not at all where the checkpoint has been
/// given up. An error or an exception of it fails the checkpoint, not the component.
using FrozenState = absl::AnyInvocable<absl::Status(StateWriter&)>;

/// Thread-safe towards its users. Attached to one host, once; outlives it. One that is destroyed
/// while its host has it has failed there: the destructor waits for the callbacks that run and lets
/// none begin, the observer is told kComponentFailed, checkpoints and Shutdown name it, and the
/// others go on. What a derived class has is gone before that, so a callback that runs at that
/// moment meets a destroyed object: destroy the host first.
class DR_EXPORT StatefulComponent {
 public:
  virtual ~StatefulComponent();
  StatefulComponent(const StatefulComponent&) = delete;
  StatefulComponent& operator=(const StatefulComponent&) = delete;

  const std::string& id() const;  ///< the same for ever
  const Schema& schema() const;   ///< what this program writes

 protected:
  /// `id`: 1 to 128 bytes, unique within a host, the same for ever; an invalid one is refused by
  /// Host::Open. `schema` is today's.
  StatefulComponent(std::string id, Schema schema);

  /// OK: the operation is durable and applied. Not taken: kFailedPrecondition (no host, or a
  /// poisoned log), kInvalidArgument (too long), kResourceExhausted (no space or memory),
  /// kDeadlineExceeded, kCancelled. Outcome open: kUnknown (the wait ended first, it may still be
  /// applied; a caller whose own thread writes the group waits for the disk beyond its deadline),
  /// and a fault kIo (the disk failed, which poisoned the log; opening it again tells).
  /// kInternal with a fault kComponent: this component has failed, and what is in the log waits for
  /// a mended one.
  /// No thread that has the lock of state_mutex(), shared or alone, commits to this component in
  /// any of these ways: applying needs the lock, so it would wait for itself. It is refused with
  /// kFailedPrecondition. Where the thread that has the lock waits for another one that commits,
  /// only time can tell: the observer gets kStateHeld at HostOptions::callback_deadline.
  absl::StatusOr<Lsn> Commit(std::string_view payload, const CommitOptions& options = {});

  /// Decides on the state that all earlier operations led to, and commits what `decide` returns
  /// before anything else of this component; its error commits nothing and is returned. `decide`
  /// runs on this thread without the lock (take it shared to read, and give it back) and must not
  /// commit. Where the log has no room, which is waited for, it runs again behind that.
  absl::StatusOr<Lsn> CommitIf(absl::FunctionRef<absl::StatusOr<std::string>()> decide,
                               const CommitOptions& options = {});

  /// As Commit, but waits only for its place in the order and for room in the log: `done` runs on
  /// the host's threads (Host::Start) or in Host::Step, exactly once, also when the operation was
  /// refused. Without a host, in a forked child, or where there is no memory for its place in the
  /// host's queue, it runs on this thread before the call returns. One runs after the other; one
  /// that hangs is passed after HostOptions::callback_deadline. It may commit and may not wait for
  /// another `done`. What it throws is dropped, and a null one tells nobody.
  void CommitAsync(std::string payload, const CommitOptions& options,
                   absl::AnyInvocable<void(absl::StatusOr<Lsn>) &&> done);

  /// Readers of the state share it; the host has it alone in Apply and LoadState.
  SharedMutex& state_mutex() const;

 private:
  friend class ComponentCallbacks;
  friend class ComponentCore;

  // The callbacks. The host calls them on its own threads and on those that commit or take a
  // checkpoint: one at a time where the state is locked alone (Apply, LoadState), several where it
  // is shared. One that has not returned within HostOptions::callback_deadline fails this
  // component. A call back into dr is refused, and an error of the callback.

  /// Changes the state by `op`. Deterministic: uses nothing but the state and `op`, does no I/O,
  /// cannot refuse. An error or an exception fails this component.
  virtual absl::Status Apply(const Operation& op) = 0;
  /// Writes the state as records. Called under the shared lock, so writers wait meanwhile: meant
  /// for states up to 1 MiB; larger ones override FreezeState. An error or an exception fails the
  /// checkpoint, not the component.
  virtual absl::Status SaveState(StateWriter& out) const = 0;
  /// Replaces the state by the records of `in`, which are of today's schema. Read to their end;
  /// none at all is the state of a new instance. An error or an exception fails Host::Open, or this
  /// component where it has a host.
  virtual absl::Status LoadState(StateReader& in) = 0;
  /// A cheap view for SaveState's purpose, made under the shared lock. Null: SaveState is used. An
  /// exception fails the checkpoint, not the component.
  virtual FrozenState FreezeState() const { return nullptr; }
  /// The sum of DigestOf over the records SaveState would write, if it is kept at hand. The log
  /// then records it now and then, and replay can be checked operation by operation. Called under
  /// the shared lock; an exception fails this component.
  virtual std::optional<Digest> StateDigest() const { return std::nullopt; }
  /// Tells how to read records of older versions of the schema, for all components that have it.
  /// Called once, by Host::Open; an error or an exception fails that.
  virtual absl::Status RegisterUpgrades(SchemaUpgrades&) const { return absl::OkStatus(); }

  std::shared_ptr<ComponentCore> core_;  ///< shared with the host
};

}  // namespace dr::inline v0
