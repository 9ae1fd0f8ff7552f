#include "tests/conformance/broken_stores.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "dr/adapter/adapter_calls.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "tests/support/borrowed_store.h"

namespace dr::test {
namespace {

// Without a bug.
struct Client : test::BorrowedStore {
  explicit Client(MemoryStore& store) : BorrowedStore(store, store.capabilities()) {}
};

using Result = absl::StatusOr<Version>;

struct IgnoresIfAbsent : Client {
  using Client::Client;
  Result Put(std::string_view key, std::string_view value, const PutOptions& options,
             const Context& context) override {
    PutOptions changed = options;
    if (changed.condition == PutCondition::kIfAbsent) changed.condition = PutCondition::kAlways;
    return inner().Put(key, value, changed, context);
  }
};

struct IgnoresVersion : Client {
  using Client::Client;
  Result Put(std::string_view key, std::string_view value, const PutOptions& options,
             const Context& context) override {
    PutOptions changed = options;
    if (changed.condition == PutCondition::kIfVersion) changed.condition = PutCondition::kAlways;
    return inner().Put(key, value, changed, context);
  }
};

struct DeletesAnyVersion : Client {
  using Client::Client;
  absl::Status Delete(std::string_view key, const DeleteOptions&, const Context& context) override {
    return inner().Delete(key, {}, context);
  }
};

struct LooksBeforeItPuts : Client {
  using Client::Client;
  Result Put(std::string_view key, std::string_view value, const PutOptions& options,
             const Context& context) override {
    auto found = inner().Get(key, {});
    std::this_thread::sleep_for(std::chrono::microseconds(300));
    if (options.condition == PutCondition::kIfAbsent && found.ok()) return ValueExists(key);
    if (options.condition == PutCondition::kIfVersion) {
      DR_RETURN_IF_ERROR(found.status());
      if (found->version != options.version) return ValueChanged(key);
    }
    return inner().Put(key, value, {.ttl = options.ttl}, context);
  }
};

struct LooksBeforeItDeletes : Client {
  using Client::Client;
  absl::Status Delete(std::string_view key, const DeleteOptions& options,
                      const Context& context) override {
    if (!options.if_version) return inner().Delete(key, {}, context);
    DR_ASSIGN_OR_RETURN(Item item, inner().Get(key, context));
    std::this_thread::sleep_for(std::chrono::microseconds(300));
    if (item.version != *options.if_version) return ValueChanged(key);
    return inner().Delete(key, {}, context);
  }
};

// As an ETag of MD5 is.
struct VersionsAreBytes : Client {
  using Client::Client;
  Result Put(std::string_view key, std::string_view value, const PutOptions& options,
             const Context& context) override {
    PutOptions changed = options;
    if (options.condition == PutCondition::kIfVersion) {
      DR_ASSIGN_OR_RETURN(Item item, inner().Get(key, context));
      if (item.value != options.version.value) return ValueChanged(key);
      changed.version = item.version;
    }
    DR_RETURN_IF_ERROR(inner().Put(key, value, changed, context).status());
    return Version{std::string(value)};
  }
  absl::StatusOr<Item> Get(std::string_view key, const Context& context) override {
    DR_ASSIGN_OR_RETURN(Item item, inner().Get(key, context));
    item.version = {item.value};
    return item;
  }
};

struct ListsBackwards : Client {
  using Client::Client;
  absl::StatusOr<Page> List(std::string_view prefix, std::string_view after,
                            const Context& context) override {
    DR_ASSIGN_OR_RETURN(Page page, inner().List(prefix, after, context));
    std::reverse(page.entries.begin(), page.entries.end());
    return page;
  }
};

struct ListsBySignedBytes : Client {
  using Client::Client;
  absl::StatusOr<Page> List(std::string_view prefix, std::string_view after,
                            const Context& context) override {
    DR_ASSIGN_OR_RETURN(Page page, inner().List(prefix, after, context));
    std::sort(page.entries.begin(), page.entries.end(), [](const auto& a, const auto& b) {
      return std::lexicographical_compare(a.key.begin(), a.key.end(), b.key.begin(), b.key.end(),
                                          [](signed char x, signed char y) { return x < y; });
    });
    return page;
  }
};

struct ListsOnePage : Client {
  using Client::Client;
  absl::StatusOr<Page> List(std::string_view prefix, std::string_view after,
                            const Context& context) override {
    DR_ASSIGN_OR_RETURN(Page page, inner().List(prefix, after, context));
    page.more = false;
    return page;
  }
};

struct ListsAllAtOnce : Client {
  using Client::Client;
  absl::StatusOr<Page> List(std::string_view prefix, std::string_view after,
                            const Context& context) override {
    DR_ASSIGN_OR_RETURN(Page page, inner().List(prefix, after, context));
    while (page.more) {
      DR_ASSIGN_OR_RETURN(Page next, inner().List(prefix, page.entries.back().key, context));
      page.entries.insert(page.entries.end(), next.entries.begin(), next.entries.end());
      page.more = next.more;
    }
    return page;
  }
};

// Goes on behind as many keys as were listed, and not behind a key.
struct ListsByOffset : ListsAllAtOnce {
  using ListsAllAtOnce::ListsAllAtOnce;
  absl::StatusOr<Page> List(std::string_view prefix, std::string_view after,
                            const Context& context) override {
    const auto known = offsets_.find(std::string(after));
    if (known == offsets_.end()) return Cut(ListsAllAtOnce::List(prefix, after, context), 0);
    return Cut(ListsAllAtOnce::List(prefix, "", context), known->second);
  }

 private:
  absl::StatusOr<Page> Cut(absl::StatusOr<Page> all, std::size_t offset) {
    if (!all.ok()) return all;
    auto& entries = all->entries;
    entries.erase(entries.begin(), entries.begin() + std::min(offset, entries.size()));
    all->more = entries.size() > 500;
    if (all->more) {
      entries.resize(500);
      offsets_[entries.back().key] = offset + 500;
    }
    return all;
  }
  std::map<std::string, std::size_t> offsets_;
};

struct ListsFromTheGivenKey : Client {
  using Client::Client;
  absl::StatusOr<Page> List(std::string_view prefix, std::string_view after,
                            const Context& context) override {
    DR_ASSIGN_OR_RETURN(Page page, inner().List(prefix, after, context));
    auto item = after.empty() ? absl::NotFoundError("") : inner().Get(after, {});
    if (item.ok()) page.entries.insert(page.entries.begin(), {std::string(after), 0});
    return page;
  }
};

struct ListsStoredLengths : Client {
  using Client::Client;
  absl::StatusOr<Page> List(std::string_view prefix, std::string_view after,
                            const Context& context) override {
    DR_ASSIGN_OR_RETURN(Page page, inner().List(prefix, after, context));
    for (ListEntry& entry : page.entries) entry.bytes += 24;
    return page;
  }
};

struct DropsTtl : Client {
  using Client::Client;
  Result Put(std::string_view key, std::string_view value, const PutOptions& options,
             const Context& context) override {
    PutOptions changed = options;
    changed.ttl.reset();
    return inner().Put(key, value, changed, context);
  }
};

struct TakesSecondsForMilliseconds : Client {
  using Client::Client;
  Result Put(std::string_view key, std::string_view value, const PutOptions& options,
             const Context& context) override {
    PutOptions changed = options;
    if (changed.ttl) changed.ttl = *changed.ttl / 1'000;
    return inner().Put(key, value, changed, context);
  }
};

struct PutsHalfABatch : Client {
  using Client::Client;
  absl::Status PutMany(std::span<const KeyValue> items, const Context& context) override {
    return StateAdapter::PutMany(items, context);
  }
};

struct PutsBatchesBackwards : Client {
  using Client::Client;
  absl::Status PutMany(std::span<const KeyValue> items, const Context& context) override {
    return inner().PutMany(std::vector<KeyValue>(items.rbegin(), items.rend()), context);
  }
};

struct LeavesOutWhatIsMissing : Client {
  using Client::Client;
  std::vector<absl::StatusOr<Item>> GetMany(std::span<const std::string_view> keys,
                                            const Context& context) override {
    auto found = inner().GetMany(keys, context);
    std::erase_if(found, [](const auto& one) { return absl::IsNotFound(one.status()); });
    return found;
  }
};

struct NoticesDeadlinesLate : Client {
  using Client::Client;
  Result Put(std::string_view key, std::string_view value, const PutOptions& options,
             const Context& context) override {
    auto put = inner().Put(key, value, options, {});
    DR_RETURN_IF_ERROR(CheckContext(context, SystemClock(), "Put"));
    return put;
  }
};

struct IgnoresCancellation : Client {
  using Client::Client;
  absl::StatusOr<Page> List(std::string_view prefix, std::string_view after,
                            const Context& context) override {
    return inner().List(prefix, after, {.deadline = context.deadline});
  }
};

struct CutsValuesAtZero : Client {
  using Client::Client;
  Result Put(std::string_view key, std::string_view value, const PutOptions& options,
             const Context& context) override {
    return inner().Put(key, value.substr(0, value.find('\0')), options, context);
  }
};

struct TakesEmptyForMissing : Client {
  using Client::Client;
  absl::StatusOr<Item> Get(std::string_view key, const Context& context) override {
    auto item = inner().Get(key, context);
    if (item.ok() && item->value.empty()) return NoValue(key);
    return item;
  }
};

struct FoldsCase : Client {
  using Client::Client;
  Result Put(std::string_view key, std::string_view value, const PutOptions& options,
             const Context& context) override {
    std::string folded(key);
    for (char& c : folded) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return inner().Put(folded, value, options, context);
  }
};

struct DeletesBeneath : Client {
  using Client::Client;
  absl::Status Delete(std::string_view key, const DeleteOptions& options,
                      const Context& context) override {
    DR_RETURN_IF_ERROR(inner().Delete(key, options, context));
    DR_ASSIGN_OR_RETURN(Page page, inner().List(std::string(key) + "/", "", context));
    for (const ListEntry& entry : page.entries) {
      DR_RETURN_IF_ERROR(inner().Delete(entry.key, {}, context));
    }
    return absl::OkStatus();
  }
};

struct MissesWhatIsDeleted : Client {
  using Client::Client;
  absl::Status Delete(std::string_view key, const DeleteOptions& options,
                      const Context& context) override {
    DR_RETURN_IF_ERROR(inner().Get(key, context).status());
    return inner().Delete(key, options, context);
  }
};

struct DeletesAllButTheLast : Client {
  using Client::Client;
  absl::Status DeleteMany(std::span<const std::string> keys, const Context& context) override {
    return inner().DeleteMany(keys.first(keys.size() - std::min<std::size_t>(keys.size(), 1)),
                              context);
  }
};

struct MissesOneOfMany : Client {
  using Client::Client;
  absl::Status DeleteMany(std::span<const std::string> keys, const Context& context) override {
    for (const std::string& key : keys) DR_RETURN_IF_ERROR(inner().Get(key, context).status());
    return inner().DeleteMany(keys, context);
  }
};

struct TakesNoneForAll : Client {
  using Client::Client;
  absl::Status DeleteMany(std::span<const std::string> keys, const Context& context) override {
    if (!keys.empty()) return inner().DeleteMany(keys, context);
    DR_ASSIGN_OR_RETURN(Page page, inner().List("", "", context));
    for (const ListEntry& entry : page.entries) {
      DR_RETURN_IF_ERROR(inner().Delete(entry.key, {}, context));
    }
    return absl::OkStatus();
  }
};

struct RefusesAKeyTwice : Client {
  using Client::Client;
  absl::Status DeleteMany(std::span<const std::string> keys, const Context& context) override {
    std::vector<std::string> sorted(keys.begin(), keys.end());
    std::ranges::sort(sorted);
    if (std::ranges::adjacent_find(sorted) != sorted.end()) return absl::AbortedError("twice");
    return inner().DeleteMany(keys, context);
  }
};

struct DeletesBeneathMany : Client {
  using Client::Client;
  absl::Status DeleteMany(std::span<const std::string> keys, const Context& context) override {
    for (const std::string& key : keys) {
      DR_ASSIGN_OR_RETURN(Page page, inner().List(key, "", context));
      for (const ListEntry& entry : page.entries) {
        DR_RETURN_IF_ERROR(inner().Delete(entry.key, {}, context));
      }
    }
    return absl::OkStatus();
  }
};

struct DeletesAThousand : Client {
  using Client::Client;
  absl::Status DeleteMany(std::span<const std::string> keys, const Context& context) override {
    return inner().DeleteMany(keys.first(std::min<std::size_t>(keys.size(), 1'000)), context);
  }
};

struct DeletesManyTooLate : Client {
  using Client::Client;
  absl::Status DeleteMany(std::span<const std::string> keys, const Context& context) override {
    DR_RETURN_IF_ERROR(inner().DeleteMany(keys, {}));
    return CheckContext(context, SystemClock(), "DeleteMany");
  }
};

struct PutsInTwoSteps : Client {
  using Client::Client;
  Result Put(std::string_view key, std::string_view value, const PutOptions& options,
             const Context& context) override {
    auto before = inner().Get(key, {});
    if (options.condition == PutCondition::kAlways && before.ok() && value.size() > 100) {
      const std::string half =
          std::string(value.substr(0, value.size() / 2)) + before->value.substr(value.size() / 2);
      DR_RETURN_IF_ERROR(inner().Put(key, half, {}, context).status());
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    return inner().Put(key, value, options, context);
  }
};

// What it has read once it does not read again before it writes.
struct Caches : Client {
  using Client::Client;
  absl::StatusOr<Item> Get(std::string_view key, const Context& context) override {
    MutexLock lock(mutex_);
    const auto known = read_.find(std::string(key));
    if (known != read_.end()) return known->second;
    auto item = inner().Get(key, context);
    if (item.ok()) read_[std::string(key)] = *item;
    return item;
  }
  Mutex mutex_;
  std::map<std::string, Item> read_;
};

template <typename Broken>
std::unique_ptr<StateAdapter> Make(MemoryStore& store) {
  return std::make_unique<Broken>(store);
}

constexpr Bug kBugs[] = {
    {"ignores if-absent", Make<IgnoresIfAbsent>, "A key is created once"},
    {"ignores if-version", Make<IgnoresVersion>, "A version that was replaced is refused"},
    {"deletes any version", Make<DeletesAnyVersion>, "A version that was replaced is not deleted"},
    {"looks, then puts", Make<LooksBeforeItPuts>, "P21: One of many threads creates a key"},
    {"looks, then deletes", Make<LooksBeforeItDeletes>,
     "P21: One of many threads deletes a version"},
    {"versions are the bytes", Make<VersionsAreBytes>, "Equal bytes put twice have two versions"},
    {"lists backwards", Make<ListsBackwards>, "A listing is in order"},
    {"lists by signed bytes", Make<ListsBySignedBytes>, "The order is that of unsigned bytes"},
    {"lists one page", Make<ListsOnePage>, "D9: A long listing has every key once"},
    {"lists all at once", Make<ListsAllAtOnce>, "A page is bounded"},
    {"lists by offset", Make<ListsByOffset>,
     "D9: What stays is listed once while others are deleted"},
    {"lists from the given key", Make<ListsFromTheGivenKey>,
     "A listing goes on behind a key and without it"},
    {"lists the length with a trailer", Make<ListsStoredLengths>,
     "A listing tells how long values are"},
    {"drops the ttl", Make<DropsTtl>, "A value is gone after its ttl"},
    {"takes seconds for milliseconds", Make<TakesSecondsForMilliseconds>,
     "A value stays until its ttl"},
    {"puts half a batch", Make<PutsHalfABatch>, "An atomic batch with an error has not happened"},
    {"puts batches backwards", Make<PutsBatchesBackwards>,
     "Of a key that is put twice in a batch the last value counts"},
    {"leaves out what is missing", Make<LeavesOutWhatIsMissing>,
     "Of many those that are not there are not found"},
    {"notices deadlines late", Make<NoticesDeadlinesLate>, "A put past its deadline does nothing"},
    {"ignores cancellation", Make<IgnoresCancellation>, "A listing that was cancelled says so"},
    {"cuts values at zero", Make<CutsValuesAtZero>, "A value is any bytes"},
    {"takes empty for missing", Make<TakesEmptyForMissing>, "A value of no bytes is a value"},
    {"folds case", Make<FoldsCase>, "Keys that differ in case differ"},
    {"deletes what is beneath", Make<DeletesBeneath>,
     "A deletion takes one key and nothing beneath it"},
    {"misses what it is to delete", Make<MissesWhatIsDeleted>, "What is not there may be deleted"},
    {"deletes all but the last of many", Make<DeletesAllButTheLast>,
     "Many are deleted at once, and no others"},
    {"misses one of many that it is to delete", Make<MissesOneOfMany>,
     "Of many that are deleted some may be missing"},
    {"takes none for all", Make<TakesNoneForAll>, "A deletion of none takes none"},
    {"refuses a key twice", Make<RefusesAKeyTwice>, "A key may be deleted twice at once"},
    {"deletes what is beneath many", Make<DeletesBeneathMany>,
     "A deletion of many takes those keys and nothing beneath them"},
    {"deletes a thousand", Make<DeletesAThousand>, "More than a page of keys are deleted at once"},
    {"deletes many too late", Make<DeletesManyTooLate>,
     "DeleteMany past its deadline does nothing"},
    {"puts in two steps", Make<PutsInTwoSteps>, "Readers see whole values"},
    {"caches", Make<Caches>, "What one client did the next call of another sees"},
};

}  // namespace

std::span<const Bug> Bugs() { return kBugs; }

}  // namespace dr::test
