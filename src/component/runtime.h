// What the components of one host share.
#pragma once

#include <chrono>
#include <cstdint>

#include "dr/log/operation_log.h"
#include "dr/observer.h"
#include "src/base/fork_guard.h"
#include "src/component/bell.h"
#include "src/component/completion_queue.h"

namespace dr::inline v0 {

/// Outlives the attachment of each component to it.
struct Runtime {
  OperationLog& log;
  Epoch epoch = {};  ///< of what is committed
  const Clock& clock;
  Observer* observer = nullptr;
  Durability durability = Durability::kLocal;
  Durability durability_max = Durability::kLocal;  ///< what a commit may ask for
  std::chrono::nanoseconds callback_deadline = {};
  std::uint32_t digest_every = 0;  ///< operations; 0: no digest is noted
  CompletionQueue completions = {};
  Bell bell = {};
  ForkGuard fork_guard = {};
};

}  // namespace dr::inline v0
