// The values that all of dr has in common: positions, schemas, deadlines, operations.
//
//   dr::Context within_a_second{.deadline = clock.Now() + std::chrono::seconds(1)};
//   dr::Operation op = …;                       // handed to StatefulComponent::Apply
//   if (op.lsn > last_seen) { … }
#pragma once

#include <compare>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "dr/clock.h"

namespace dr::inline v0 {

/// Log sequence number of one operation. Dense: the first operation of a log is 1, the next 2, and
/// no number is ever skipped. 0 means "none".
struct Lsn {
  std::uint64_t value = 0;  ///< from 1 on; 0: none
  friend constexpr auto operator<=>(const Lsn&, const Lsn&) = default;
};
/// The Lsn behind `lsn`.
constexpr Lsn Next(Lsn lsn) { return {lsn.value + 1}; }

/// Who may write. Grows with every opening of a log, takeover and restore; never goes back.
struct Epoch {
  std::uint64_t value = 0;  ///< from 1 on; 0: none
  friend constexpr auto operator<=>(const Epoch&, const Epoch&) = default;
};

/// Where an operation is. In two epochs one Lsn may mean two operations; in one epoch it never
/// does.
struct Position {
  Epoch epoch = {};  ///< in which the operation was written
  Lsn lsn = {};      ///< of the operation
  friend constexpr auto operator<=>(const Position&, const Position&) = default;
};

/// The shape of a component's operations and state. Versions start at 1.
struct Schema {
  std::string name = {};      ///< 1 to kMaxNameBytes bytes
  std::uint32_t version = 0;  ///< of the shape; raised when it changes
  friend bool operator==(const Schema&, const Schema&) = default;
};

/// How long a call may take, and how to stop it. The default never ends by itself.
struct Context {
  Instant deadline = {};      ///< by the clock of the host or store that is called
  std::stop_token stop = {};  ///< a stop that is requested ends the call with kCancelled
};

/// What a commit waits for before it is acknowledged and applied.
enum class Durability : std::uint8_t {
  kProcess = 1,  ///< nothing: it is lost with the process. For what can be computed again.
  kLocal = 2,    ///< a sync of the local log: survives kill -9 and power loss.
  kRemote = 3,   ///< the repository too: survives the loss of the machine.
};

/// What an operation records. Stored in the log, so values are never reused.
enum class OperationKind : std::uint8_t {
  kOperation = 0,   ///< a change of state
  kTask = 1,        ///< a task was executed
  kTransition = 2,  ///< a state machine moved
  kYield = 3,       ///< an agent gave up its turn
  kCallResult = 4,  ///< the result of a call to the outside: a model, a tool, a clock
  kMarker = 5,      ///< dr's own notes (digests); never applied
};

/// One committed change, as Apply sees it, live and in replay alike.
struct Operation {
  Lsn lsn;                     ///< where it is in the log
  OperationKind kind;          ///< as committed; never kMarker
  std::string_view component;  ///< the id; valid during the call
  const Schema& schema;        ///< always today's: older records were upgraded before
  absl::Time time;             ///< as logged; never decreases from one Lsn to the next
  std::string_view payload;    ///< valid during the call
  Epoch epoch = {};            ///< with `lsn` its position: in which it was written
  bool shredded = false;       ///< its subject's key was destroyed: there is no payload
};

/// Of one operation, and of one record of state.
inline constexpr std::uint64_t kMaxPayloadBytes = 64ULL << 20;
inline constexpr std::size_t kMaxNameBytes = 128;  ///< component ids, schema names, subjects

}  // namespace dr::inline v0
