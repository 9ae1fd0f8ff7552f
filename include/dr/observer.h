// What dr tells the program about itself. The library never logs; it calls an Observer.
//
//   struct Printer : dr::Observer {
//     void OnEvent(const dr::Event& e) noexcept override {
//       fmt::print("{} {}\n", NameOf(e.kind), e.text);
//     }
//   };
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "dr/export.h"
#include "dr/types.h"

namespace dr::inline v0 {

/// What has happened; each says which members of the Event have a meaning.
enum class EventKind : std::uint8_t {
  kRecovered,          ///< the log was read; `lsn` is the last operation
  kTornTailCut,        ///< what an interrupted write left is dropped; `lsn` is the last kept
  kCheckpoint,         ///< a checkpoint is durable; `lsn` is its position
  kCheckpointFailed,   ///< the previous one stays in force
  kCheckpointSkipped,  ///< an older one, or the log alone, had to be used at open; `status`
                       ///< says why, `lsn` how far it went if that can be read
  kComponentFailed,    ///< `component` will not be used again by this host
  kLogPoisoned,        ///< a sync failed; nothing is accepted any more
  kNoSpace,            ///< the log waits for space
  kSpaceBack,          ///< and has found it
  kBuffered,           ///< no direct writes on this file system: buffered writes and fdatasync
  kStoreUnavailable,   ///< a store could not be reached; `status` says why
  kStoreBack,          ///< it answers again, after `duration`
  kWeakStore,          ///< the store promises less than a host needs; `text` says what is void
  kFenced,             ///< another host has taken over; nothing is accepted any more
  kPruneFailed,        ///< what no kept checkpoint needs is still there; the next one tries again
  kStateHeld,          ///< `component` applies nothing because readers have had its state lock for
                       ///< the callbacks' deadline; it goes on when they let go
  kComponentRetired,   ///< the state of `component`, which goes up to `lsn`, is given up as
                       ///< RecoveryOptions::retired says: the next checkpoint leaves it out
  kClockApart,  ///< the times of operations are ahead of the wall clock by `duration`; if that
                ///< is negative, behind it, since it has leapt ahead
};
/// "recovered", "torn_tail_cut" …, for logs and metrics.
DR_EXPORT std::string_view NameOf(EventKind kind);

/// One thing that has happened. Members that a kind does not mention are empty.
struct Event {
  EventKind kind = EventKind::kRecovered;  ///< what it is
  std::string component = {};              ///< the id
  Lsn lsn = {};                            ///< where in the log
  absl::Status status = {};                ///< why
  /// kRecovered: how long it took; kCheckpoint: the longest that writers of one component waited;
  /// kStoreBack: how long the store had been away; kClockApart: how far apart.
  std::chrono::nanoseconds duration = {};
  std::string text = {};  ///< one line for a person
};

/// Called on the thread that caused the event, with no lock of dr's held. It must return soon, and
/// must neither throw nor call back into the host.
class DR_EXPORT Observer {
 public:
  virtual ~Observer() = default;
  /// Takes the event, which is valid during the call.
  virtual void OnEvent(const Event& event) noexcept = 0;
};

}  // namespace dr::inline v0
