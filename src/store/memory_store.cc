#include "dr/memory_store.h"

#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/status_macros.h"

namespace dr::inline v0 {
namespace {

constexpr std::size_t kPageEntries = 1000;

absl::Status Missing(std::string_view key) {
  return MakeFault({.kind = FaultKind::kMissing, .place = std::string(key), .next = "put it first"},
                   "there is no value under this key");
}

absl::Status WrongVersion(std::string_view key) {
  return MakeFault({.kind = FaultKind::kConflict,
                    .place = std::string(key),
                    .next = "read it again and decide anew"},
                   "the value has changed since it was read");
}

absl::Status CheckStop(const Context& context) {
  if (!context.stop.stop_requested()) return absl::OkStatus();
  return MakeFault({.kind = FaultKind::kCancelled, .next = "call again if it is still wanted"},
                   "the call was cancelled");
}

}  // namespace

MemoryStore::MemoryStore(std::uint64_t max_value_bytes) {
  capabilities_ = {.if_absent = true, .if_version = true, .max_value_bytes = max_value_bytes};
}

absl::StatusOr<Version> MemoryStore::Put(std::string_view key, std::string_view value,
                                         const PutOptions& options, const Context& context) {
  DR_RETURN_IF_ERROR(CheckKey(key));
  DR_RETURN_IF_ERROR(CheckStop(context));
  if (options.ttl) {
    return MakeFault({.kind = FaultKind::kUnsupported,
                      .place = std::string(key),
                      .next = "leave it out, or use a store that declares ttl"},
                     "values in memory do not expire");
  }
  if (value.size() > capabilities_.max_value_bytes) {
    return MakeFault({.kind = FaultKind::kLimit, .place = std::string(key), .next = "split it"},
                     fmt::format("a value has {} bytes, {} are allowed", value.size(),
                                 capabilities_.max_value_bytes));
  }
  MutexLock lock(mutex_);
  auto found = items_.find(key);
  if (options.condition == PutCondition::kIfAbsent && found != items_.end()) {
    return MakeFault(
        {.kind = FaultKind::kExists, .place = std::string(key), .next = "read what is there"},
        "there is a value under this key");
  }
  if (options.condition == PutCondition::kIfVersion) {
    if (found == items_.end()) return Missing(key);
    if (found->second.version != options.version) return WrongVersion(key);
  }
  const Version version{fmt::format("{}", next_version_++)};
  items_[std::string(key)] = {std::string(value), version};
  return version;
}

absl::StatusOr<Item> MemoryStore::Get(std::string_view key, const Context& context) {
  DR_RETURN_IF_ERROR(CheckKey(key));
  DR_RETURN_IF_ERROR(CheckStop(context));
  MutexLock lock(mutex_);
  auto found = items_.find(key);
  if (found == items_.end()) return Missing(key);
  return found->second;
}

absl::StatusOr<Page> MemoryStore::List(std::string_view prefix, std::string_view after,
                                       const Context& context) {
  DR_RETURN_IF_ERROR(CheckStop(context));
  MutexLock lock(mutex_);
  Page page;
  auto it = after < prefix ? items_.lower_bound(prefix) : items_.upper_bound(after);
  for (; it != items_.end(); ++it) {
    if (!it->first.starts_with(prefix)) break;
    if (page.entries.size() == kPageEntries) {
      page.more = true;
      break;
    }
    page.entries.push_back({it->first, it->second.value.size()});
  }
  return page;
}

absl::Status MemoryStore::Delete(std::string_view key, const DeleteOptions& options,
                                 const Context& context) {
  DR_RETURN_IF_ERROR(CheckKey(key));
  DR_RETURN_IF_ERROR(CheckStop(context));
  MutexLock lock(mutex_);
  auto found = items_.find(key);
  if (found == items_.end()) return options.if_version ? Missing(key) : absl::OkStatus();
  if (options.if_version && found->second.version != *options.if_version) return WrongVersion(key);
  items_.erase(found);
  return absl::OkStatus();
}

absl::Status MemoryStore::Check(const Context& context) { return CheckStop(context); }

}  // namespace dr::inline v0
