// Notes in the log of what a component's state was, so that a replay can be compared with it.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "src/component/component_callbacks.h"
#include "src/component/operation_pool.h"
#include "src/component/runtime.h"

namespace dr::inline v0 {

/// Of the thread that applies.
class DigestNotes {
 public:
  /// Both outlive it.
  DigestNotes(const Runtime& runtime, const ComponentCallbacks& callbacks)
      : runtime_(runtime), callbacks_(callbacks) {}

  /// How many operations there are to the next note, when `applied` have been applied.
  std::uint64_t Until(std::uint64_t applied) const;
  /// Writes a note. A note is worth no waiting and no failure: without room or memory it is left
  /// out. Not OK: the component has failed in StateDigest.
  absl::Status Write();

 private:
  const Runtime& runtime_;
  const ComponentCallbacks& callbacks_;
  PendingOperations notes_;  ///< on their way into the log
};

}  // namespace dr::inline v0
