#include "dr/testing/fault_store.h"

#include <algorithm>
#include <string>
#include <utility>

#include "dr/adapter/adapter_calls.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "src/testing/sim/splitmix.h"

namespace dr::inline v0 {
namespace {

absl::Status NoReply() {
  return MakeFault({.kind = FaultKind::kBusy, .next = "call again"}, "no reply");
}

}  // namespace

FaultStore::FaultStore(StateAdapter& store, const Clock& clock, std::uint64_t seed,
                       FaultRates rates)
    : store_(store),
      clock_(clock),
      rates_{rates.refuse,     rates.drop,    rates.delay, rates.duplicate,
             rates.lose_reply, rates.corrupt, rates.slow,  rates.partial},
      capabilities_(store.capabilities()),
      state_(seed) {
  capabilities_.atomic_batch = false;
}

void FaultStore::Next(StoreFault fault, int times) {
  MutexLock lock(mutex_);
  next_.insert(next_.end(), static_cast<std::size_t>(times), fault);
}

std::uint64_t FaultStore::Dice(std::uint64_t sides) {
  MutexLock lock(mutex_);
  return NextOf(state_) % sides;
}

StoreFault FaultStore::Choose() {
  int roll = static_cast<int>(Dice(100));
  MutexLock lock(mutex_);
  if (!next_.empty()) {
    const StoreFault fault = next_.front();
    next_.pop_front();
    return fault;
  }
  for (std::size_t i = 0; i < rates_.size(); ++i) {
    if (roll < rates_[i]) return static_cast<StoreFault>(i + 1);
    roll -= rates_[i];
  }
  return StoreFault::kNone;
}

void FaultStore::Arrive() {
  std::vector<Write> arrived;
  {
    MutexLock lock(mutex_);
    arrived.swap(on_their_way_);
  }
  for (const Write& write : arrived) static_cast<void>(write({}));
}

void FaultStore::ArriveSome() {
  while (Dice(2) == 0) {
    Write arrived;
    const std::uint64_t dice = Dice(1 << 20);
    {
      MutexLock lock(mutex_);
      if (on_their_way_.empty()) return;
      const auto chosen = on_their_way_.begin() + dice % on_their_way_.size();
      arrived = std::move(*chosen);
      on_their_way_.erase(chosen);
    }
    static_cast<void>(arrived({}));
  }
}

absl::Status FaultStore::Slowly(const Context& context) {
  const Instant end = clock_.Now() + std::chrono::nanoseconds(Dice(kSlowMax.count()));
  clock_.SleepUntil(std::min(end, context.deadline), context.stop);
  return CheckContext(context, clock_, "a slow store");
}

absl::Status FaultStore::MakeWrite(std::string_view key, const Context& context, const Write& write,
                                   const Write& later, const Write& half) {
  ArriveSome();
  DR_RETURN_IF_ERROR(CheckContext(context, clock_, "a write"));
  absl::Status lost = MayHaveHappened(key, NoReply());
  switch (Choose()) {
    case StoreFault::kRefuse:
      return NoReply();
    case StoreFault::kDrop:
      return lost;
    case StoreFault::kDelay: {
      MutexLock lock(mutex_);
      on_their_way_.push_back(later);
      return lost;
    }
    case StoreFault::kDuplicate: {
      absl::Status status = write(context);
      if (!status.ok()) return status;  // what was refused would not be if it came later
      MutexLock lock(mutex_);
      on_their_way_.push_back(later);
      return status;
    }
    case StoreFault::kLoseReply:
      static_cast<void>(write(context));
      return lost;
    case StoreFault::kSlow: {
      const absl::Status in_time = Slowly(context);
      const absl::Status status = write({});
      return in_time.ok() ? status : MayHaveHappened(key, in_time);
    }
    case StoreFault::kPartial:
      if (!half) return write(context);
      static_cast<void>(half(context));
      return lost;
    case StoreFault::kNone:
    case StoreFault::kCorrupt:
      return write(context);
  }
  return lost;
}

absl::StatusOr<StoreFault> FaultStore::MakeRead(const Context& context) {
  ArriveSome();
  DR_RETURN_IF_ERROR(CheckContext(context, clock_, "a read"));
  const StoreFault fault = Choose();
  switch (fault) {
    case StoreFault::kRefuse:
    case StoreFault::kDrop:
    case StoreFault::kDelay:
    case StoreFault::kLoseReply:
      return NoReply();
    case StoreFault::kSlow:
      DR_RETURN_IF_ERROR(Slowly(context));
      return StoreFault::kNone;
    case StoreFault::kNone:
    case StoreFault::kDuplicate:
      return StoreFault::kNone;
    case StoreFault::kCorrupt:
    case StoreFault::kPartial:
      return fault;
  }
  return fault;
}

absl::StatusOr<Version> FaultStore::Put(std::string_view key, std::string_view value,
                                        const PutOptions& options, const Context& context) {
  const auto put = [this, key = std::string(key), value = std::string(value), options](
                       const Context& within) { return store_.Put(key, value, options, within); };
  absl::StatusOr<Version> version = NoReply();
  const auto now = [&](const Context& within) { return (version = put(within)).status(); };
  const auto later = [put](const Context& within) { return put(within).status(); };
  DR_RETURN_IF_ERROR(MakeWrite(key, context, now, later, nullptr));
  return version;
}

absl::Status FaultStore::Delete(std::string_view key, const DeleteOptions& options,
                                const Context& context) {
  const Write write = [this, key = std::string(key), options](const Context& within) {
    return store_.Delete(key, options, within);
  };
  return MakeWrite(key, context, write, write, nullptr);
}

absl::Status FaultStore::PutMany(std::span<const KeyValue> items, const Context& context) {
  const auto first = [&](std::size_t count) -> Write {
    std::vector<std::pair<std::string, std::string>> kept;
    for (const KeyValue& item : items.first(count)) kept.emplace_back(item.key, item.value);
    return [this, kept = std::move(kept)](const Context& within) {
      std::vector<KeyValue> all;
      for (const auto& [key, value] : kept) all.push_back({key, value});
      return store_.PutMany(all, within);
    };
  };
  const Write all = first(items.size());
  return MakeWrite(items.empty() ? "" : items[0].key, context, all, all, first(items.size() / 2));
}

absl::Status FaultStore::DeleteMany(std::span<const std::string> keys, const Context& context) {
  const auto first = [&](std::size_t count) -> Write {
    const auto some = keys.first(count);
    return [this, kept = std::vector<std::string>(some.begin(), some.end())](
               const Context& within) { return store_.DeleteMany(kept, within); };
  };
  const Write all = first(keys.size());
  return MakeWrite(keys.empty() ? "" : keys[0], context, all, all, first(keys.size() / 2));
}

absl::StatusOr<Item> FaultStore::Get(std::string_view key, const Context& context) {
  DR_ASSIGN_OR_RETURN(const StoreFault fault, MakeRead(context));
  DR_ASSIGN_OR_RETURN(Item item, store_.Get(key, context));
  std::string& value = item.value;
  if (fault == StoreFault::kPartial) value.resize(value.size() / 2);
  if (fault == StoreFault::kCorrupt && !value.empty()) {
    const std::uint64_t bit = Dice(value.size() * 8);
    value[bit / 8] = static_cast<char>(value[bit / 8] ^ (1 << (bit % 8)));
  }
  return item;
}

absl::StatusOr<Page> FaultStore::List(std::string_view prefix, std::string_view after,
                                      const Context& context) {
  DR_ASSIGN_OR_RETURN(const StoreFault fault, MakeRead(context));
  DR_ASSIGN_OR_RETURN(Page page, store_.List(prefix, after, context));
  if (fault == StoreFault::kPartial && page.entries.size() > 1) {
    page.entries.resize(page.entries.size() / 2);
    page.more = true;
  }
  return page;
}

absl::Status FaultStore::Check(const Context& context) {
  DR_RETURN_IF_ERROR(MakeRead(context).status());
  return store_.Check(context);
}

std::vector<absl::StatusOr<Item>> FaultStore::GetMany(std::span<const std::string_view> keys,
                                                      const Context& context) {
  const absl::StatusOr<StoreFault> fault = MakeRead(context);
  std::vector<absl::StatusOr<Item>> items(keys.size(), NoReply());
  if (!fault.ok()) {
    std::fill(items.begin(), items.end(), fault.status());
    return items;
  }
  const std::size_t count = *fault == StoreFault::kPartial ? keys.size() / 2 : keys.size();
  std::ranges::move(store_.GetMany(keys.first(count), context), items.begin());
  return items;
}

}  // namespace dr::inline v0
