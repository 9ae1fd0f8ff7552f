#include "dr/adapter/memory_store.h"

#include "dr/adapter/adapter_calls.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0 {

MemoryStore::MemoryStore(std::uint64_t max_value_bytes)
    : MemoryStore(max_value_bytes, system_clock_) {}

MemoryStore::MemoryStore(std::uint64_t max_value_bytes, const Clock& clock)
    : clock_(clock),
      capabilities_{.if_absent = true,
                    .if_version = true,
                    .atomic_batch = true,
                    .ttl = true,
                    .max_value_bytes = max_value_bytes} {}

MemoryStore::Items::iterator MemoryStore::Find(std::string_view key) {
  auto found = items_.find(key);
  if (found == items_.end() || clock_.Now() < found->second.expires) return found;
  items_.erase(found);
  return items_.end();
}

Version MemoryStore::Keep(std::string_view key, std::string_view value, Instant expires) {
  Version version{fmt::format("{}", next_version_++)};
  items_[std::string(key)] = {{std::string(value), version}, expires};
  return version;
}

absl::StatusOr<Version> MemoryStore::Put(std::string_view key, std::string_view value,
                                         const PutOptions& options, const Context& context) {
  DR_RETURN_IF_ERROR(CheckPut(capabilities_, key, value, options, context, clock_));
  MutexLock lock(mutex_);
  const auto found = Find(key);
  if (options.condition == PutCondition::kIfAbsent && found != items_.end()) {
    return ValueExists(key);
  }
  if (options.condition == PutCondition::kIfVersion) {
    if (found == items_.end()) return NoValue(key);
    if (found->second.item.version != options.version) return ValueChanged(key);
  }
  const Instant expires =
      options.ttl ? clock_.Now() + absl::ToChronoNanoseconds(*options.ttl) : Instant();
  return Keep(key, value, expires);
}

absl::StatusOr<Item> MemoryStore::Get(std::string_view key, const Context& context) {
  DR_RETURN_IF_ERROR(CheckGet(capabilities_, key, context, clock_));
  MutexLock lock(mutex_);
  const auto found = Find(key);
  if (found == items_.end()) return NoValue(key);
  return found->second.item;
}

absl::StatusOr<Page> MemoryStore::List(std::string_view prefix, std::string_view after,
                                       const Context& context) {
  DR_RETURN_IF_ERROR(CheckContext(context, clock_, "List"));
  MutexLock lock(mutex_);
  const Instant now = clock_.Now();
  Page page;
  auto it = after < prefix ? items_.lower_bound(prefix) : items_.upper_bound(after);
  for (; it != items_.end() && it->first.starts_with(prefix); ++it) {
    if (now >= it->second.expires) continue;
    if (page.entries.size() == kMaxPageEntries) {
      page.more = true;
      break;
    }
    page.entries.push_back({it->first, it->second.item.value.size()});
  }
  return page;
}

absl::Status MemoryStore::Delete(std::string_view key, const DeleteOptions& options,
                                 const Context& context) {
  DR_RETURN_IF_ERROR(CheckDelete(capabilities_, key, options, context, clock_));
  MutexLock lock(mutex_);
  const auto found = Find(key);
  if (found == items_.end()) return options.if_version ? NoValue(key) : absl::OkStatus();
  if (options.if_version && found->second.item.version != *options.if_version) {
    return ValueChanged(key);
  }
  items_.erase(found);
  return absl::OkStatus();
}

absl::Status MemoryStore::PutMany(std::span<const KeyValue> items, const Context& context) {
  for (const KeyValue& item : items) {
    DR_RETURN_IF_ERROR(CheckPut(capabilities_, item.key, item.value, {}, context, clock_));
  }
  MutexLock lock(mutex_);
  for (const KeyValue& item : items) Keep(item.key, item.value, {});
  return absl::OkStatus();
}

absl::Status MemoryStore::DeleteMany(std::span<const std::string> keys, const Context& context) {
  for (const std::string& key : keys) {
    DR_RETURN_IF_ERROR(CheckDelete(capabilities_, key, {}, context, clock_));
  }
  MutexLock lock(mutex_);
  for (const std::string& key : keys) items_.erase(key);
  return absl::OkStatus();
}

absl::Status MemoryStore::Check(const Context& context) {
  return CheckContext(context, clock_, "Check");
}

}  // namespace dr::inline v0
