// Decides which calls of the program a host takes.
#pragma once

#include <string>
#include <string_view>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "src/base/fork_guard.h"
#include "src/base/out_of_memory.h"
#include "src/component/callback_frame.h"
#include "src/host/gate.h"

namespace dr::inline v0 {

/// Thread-safe.
class Admission {
 public:
  explicit Admission(const Clock& clock) : gate_(clock) {}

  /// Runs `call`, which returns a status or a StatusOr, if it may be made here and now. What it
  /// uses stays valid meanwhile, and no exception leaves it.
  template <typename Call>
  auto Admit(Call call) -> decltype(call()) {
    return WithinMemory([&]() -> decltype(call()) {
      DR_RETURN_IF_ERROR(CheckFork());
      if (CallbackFrame* frame = CallbackFrame::Current(); frame != nullptr) {
        frame->reentered = true;
        return Refused(FaultKind::kUsage, "call the host after the callback has returned",
                       "the host was called from inside a component's callback");
      }
      const Gate::Visit visit(gate_);
      if (!visit.let_in()) return WasShutDown();
      return call();
    });
  }

  bool in_child() const { return fork_guard_.InChild(); }
  /// Before any lock, because in a forked child another thread may have held it.
  absl::Status CheckFork() const {
    if (!in_child()) return absl::OkStatus();
    return Refused(FaultKind::kPoisoned, "use the host in the parent only",
                   "this process was forked from the one that has the host");
  }
  static absl::Status WasShutDown() {
    return Refused(FaultKind::kUsage, "open a host again", "the host was shut down");
  }
  /// Admits no more calls, and waits for those inside.
  absl::Status Close(const Context& context) { return gate_.Close(context); }

 private:
  static absl::Status Refused(FaultKind kind, std::string_view next, std::string_view what) {
    return MakeFault({.kind = kind, .next = std::string(next)}, what);
  }

  ForkGuard fork_guard_;
  Gate gate_;
};

}  // namespace dr::inline v0
