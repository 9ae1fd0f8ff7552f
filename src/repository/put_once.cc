#include "src/repository/put_once.h"

#include <string>

#include "dr/status.h"

namespace dr::inline v0 {

absl::Status PutOnce(StateAdapter& store, std::string_view key, std::string_view bytes,
                     const Context& context) {
  const auto put = [&] {
    return store.Put(key, bytes, {.condition = PutCondition::kIfAbsent}, context).status();
  };
  absl::Status created = put();
  // Only another answer of the store settles it: what was read may not be durable yet.
  if (absl::IsUnknown(created)) created = put();
  if (!absl::IsAlreadyExists(created)) return created;
  absl::StatusOr<Item> found = store.Get(key, context);
  if (found.ok() && found->value == bytes) return absl::OkStatus();
  if (!found.ok() && !absl::IsDataLoss(found.status())) {
    return MakeFault({.kind = FaultKind::kAmbiguous, .place = std::string(key),
                      .next = "call again with the same bytes"},
                     "something is there and could not be compared");
  }
  return MakeFault({.kind = FaultKind::kConflict, .place = std::string(key),
                    .next = "open the repository again; another writer is at work"},
                   "something else has been put there");
}

}  // namespace dr::inline v0
