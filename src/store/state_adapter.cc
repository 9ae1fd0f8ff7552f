#include "dr/adapter/state_adapter.h"

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0 {

absl::Status CheckKey(std::string_view key, std::size_t max) {
  if (!key.empty() && key.size() <= max) return absl::OkStatus();
  return MakeFault({.kind = FaultKind::kLimit, .next = "use another key"},
                   fmt::format("a key has {} bytes, 1 to {} are allowed", key.size(), max));
}

std::vector<absl::StatusOr<Item>> StateAdapter::GetMany(std::span<const std::string_view> keys,
                                                        const Context& context) {
  std::vector<absl::StatusOr<Item>> items;
  for (std::string_view key : keys) items.push_back(Get(key, context));
  return items;
}

absl::Status StateAdapter::PutMany(std::span<const KeyValue> items, const Context& context) {
  for (const KeyValue& item : items) {
    DR_RETURN_IF_ERROR(Put(item.key, item.value, {}, context).status());
  }
  return absl::OkStatus();
}

absl::Status StateAdapter::DeleteMany(std::span<const std::string> keys, const Context& context) {
  for (const std::string& key : keys) DR_RETURN_IF_ERROR(Delete(key, {}, context));
  return absl::OkStatus();
}

}  // namespace dr::inline v0
