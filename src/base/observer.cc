#include "dr/observer.h"

namespace dr::inline v0 {

std::string_view NameOf(EventKind kind) {
  switch (kind) {
    case EventKind::kRecovered:
      return "recovered";
    case EventKind::kTornTailCut:
      return "torn_tail_cut";
    case EventKind::kCheckpoint:
      return "checkpoint";
    case EventKind::kCheckpointFailed:
      return "checkpoint_failed";
    case EventKind::kCheckpointSkipped:
      return "checkpoint_skipped";
    case EventKind::kComponentFailed:
      return "component_failed";
    case EventKind::kLogPoisoned:
      return "log_poisoned";
    case EventKind::kNoSpace:
      return "no_space";
    case EventKind::kSpaceBack:
      return "space_back";
    case EventKind::kBuffered:
      return "buffered";
    case EventKind::kStoreUnavailable:
      return "store_unavailable";
    case EventKind::kStoreBack:
      return "store_back";
    case EventKind::kWeakStore:
      return "weak_store";
    case EventKind::kFenced:
      return "fenced";
    case EventKind::kPruneFailed:
      return "prune_failed";
    case EventKind::kStateHeld:
      return "state_held";
    case EventKind::kComponentRetired:
      return "component_retired";
    case EventKind::kClockApart:
      return "clock_apart";
  }
  return "unknown";
}

}  // namespace dr::inline v0
