// Whether a component works, and what of that its host's observer has yet to be told.
#pragma once

#include <atomic>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "dr/mutex.h"
#include "dr/observer.h"
#include "dr/types.h"
#include "src/component/component_identity.h"

namespace dr::inline v0 {

/// Thread-safe. The first failure stays for good.
class ComponentHealth {
 public:
  /// `identity` outlives it.
  explicit ComponentHealth(const ComponentIdentity& identity) : identity_(identity) {}

  void Fail(const absl::Status& why) noexcept;
  bool has_failed() const { return failed_.load(std::memory_order_acquire); }
  absl::Status failure() const { return has_failed() ? failure_ : absl::OkStatus(); }

  /// Readers have had the state's lock for as long as a callback may take.
  void NoteKeptState() { state_kept_.store(true); }
  /// It has been noted, and the observer has not been told.
  bool kept_state_due() const { return state_kept_.load(); }

  /// Tells `observer`, if there is one, what is due, each thing once: the failure, and each time
  /// that readers kept the state. A thread that holds an order tells nothing: then whoever looks
  /// next does, or the call itself when it has given the order back.
  void NotifyDue(Observer* observer, Lsn applied) noexcept;

 private:
  void Notify(Observer* observer, EventKind kind, Lsn applied,
              absl::FunctionRef<absl::Status()> why) const noexcept;

  const ComponentIdentity& identity_;
  Mutex mutex_;
  absl::Status failure_;  ///< written once, before failed_
  std::atomic<bool> failed_ = false;
  std::atomic<bool> notified_ = false;    ///< of the failure
  std::atomic<bool> state_kept_ = false;  ///< by readers, which is to be told
};

}  // namespace dr::inline v0
