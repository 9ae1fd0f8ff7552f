#include "src/repository/put_once.h"

#include <string>

#include "dr/status.h"

namespace dr::inline v0 {

namespace {
constexpr int kTries = 4;  // against somebody who creates and deletes there meanwhile
}  // namespace

absl::Status PutOnce(StateAdapter& store, std::string_view key, std::string_view bytes,
                     std::optional<absl::Duration> ttl, const Context& context) {
  const PutOptions if_absent{.condition = PutCondition::kIfAbsent, .ttl = ttl};
  const auto put = [&] { return store.Put(key, bytes, if_absent, context).status(); };
  for (int left = kTries;;) {
    absl::Status created = put();
    if (absl::IsUnknown(created)) {
      // What could be read now may not be durable yet, so the store is asked by another put. That
      // it is refused says nothing about the first.
      const absl::Status again = put();
      if (again.ok() || absl::IsAlreadyExists(again)) created = again;
    }
    if (!absl::IsAlreadyExists(created)) return created;
    absl::StatusOr<Item> found = store.Get(key, context);
    if (absl::IsNotFound(found.status()) && --left > 0) continue;  // the key is free again
    if (found.ok() && found->value == bytes) return absl::OkStatus();
    if (!found.ok() && !absl::IsDataLoss(found.status())) {
      return MakeFault({.kind = FaultKind::kAmbiguous,
                        .place = std::string(key),
                        .next = "call again with the same bytes"},
                       "something is there and could not be compared");
    }
    return MakeFault({.kind = FaultKind::kConflict,
                      .place = std::string(key),
                      .next = "open the repository again; another writer is at work"},
                     "something else has been put there");
  }
}

}  // namespace dr::inline v0
