// How far a log has come, from what the disk itself knows to what producers may still take.
//
//   recorded ≤ durable ≤ dispatched ≤ unit ≤ staged ≤ allowed
//
// Durable, dispatched and unit count whole records and batches only: a batch may span groups, and
// whoever waits for an operation inside it must see that the rest is written.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>

#include "dr/digest.h"
#include "dr/types.h"
#include "src/base/assert.h"

namespace dr::inline v0 {

/// Positions never go back. For one thread at a time, but for `durable`.
class LogPositions {
 public:
  /// Everything up to `last`, where the log has this `history`, is on the disk, which knows it.
  LogPositions(Lsn last, const Digest& history);

  Lsn recorded() const { return recorded_; }  ///< evidence on the disk says so
  Lsn durable() const { return {durable_.load(std::memory_order_acquire)}; }  ///< any thread
  const Digest& durable_history() const { return durable_history_; }  ///< of the log up to there
  Lsn dispatched() const { return dispatched_; }                      ///< on its way
  Lsn unit() const { return unit_; }        ///< encoded: whole records and batches
  Lsn staged() const { return staged_; }    ///< encoded
  Lsn allowed() const { return allowed_; }  ///< there is space up to here
  /// Lsns that producers have or may take, for which space is promised.
  std::uint64_t promised() const { return allowed_.value - staged_.value; }

  /// The next record is encoded. `ends_unit`: no other of its batch follows.
  void Stage(bool ends_unit) {
    ++staged_.value;
    if (ends_unit) unit_ = staged_;
  }
  void Allow(Lsn upto) { allowed_ = std::max(allowed_, upto); }
  /// All whole units go out. Never after Poison.
  void Dispatch();
  /// A group is on the disk: all units up to `upto`, and the evidence that it carries.
  void Acknowledge(Lsn upto, const Digest& history, Lsn evidence);
  /// The disk says by now that all up to `evidence` is durable.
  void Record(Lsn evidence) { recorded_ = std::max(recorded_, evidence); }
  /// Nothing goes out from now on.
  void Poison();

  void Check() const {
    const Lsn durable = this->durable();
    DR_ASSERT(recorded_ <= durable && durable <= dispatched_ && dispatched_ <= unit_);
    DR_ASSERT(unit_ <= staged_ && staged_ <= allowed_);
    DR_ASSERT(!poisoned_at_ || *poisoned_at_ == dispatched_);
  }

 private:
  Lsn recorded_;
  std::atomic<std::uint64_t> durable_;
  Digest durable_history_;
  Lsn dispatched_, unit_, staged_, allowed_;
  std::optional<Lsn> poisoned_at_;  ///< what was dispatched then
};

}  // namespace dr::inline v0
