// One call of a user that commits to a component: whether it may be made here and now.
#pragma once

#include "absl/status/status.h"
#include "dr/stateful_component.h"
#include "src/component/component_core.h"

namespace dr::inline v0 {

/// While it lives the caller is counted, so that the host waits for it. Of one thread.
class CommitCall {
 public:
  explicit CommitCall(ComponentCore& core) : core_(core), attachment_(core.Enter()) {}
  ~CommitCall();
  CommitCall(const CommitCall&) = delete;
  CommitCall& operator=(const CommitCall&) = delete;

  /// OK: it may. Otherwise nothing has been touched. Looks for a fork before it takes any lock.
  absl::Status Check(const CommitOptions& options) const;

  bool has_host() const { return attachment_ != nullptr; }
  /// Has a host.
  Attachment& attachment() const { return *attachment_; }
  /// Has a host, which the parent of this process has.
  bool in_child() const { return attachment_->runtime().fork_guard.InChild(); }

 private:
  absl::Status CheckPlace() const;
  absl::Status CheckOptions(const CommitOptions& options) const;

  ComponentCore& core_;
  Attachment* const attachment_;
};

/// While it lives its thread runs the `decide` of a CommitIf, from where nothing may be committed.
class DecideScope {
 public:
  DecideScope() { Current() = true; }
  ~DecideScope() { Current() = false; }
  DecideScope(const DecideScope&) = delete;
  DecideScope& operator=(const DecideScope&) = delete;
  static bool Any() { return Current(); }

 private:
  static bool& Current() {
    static thread_local bool current = false;
    return current;
  }
};

}  // namespace dr::inline v0
