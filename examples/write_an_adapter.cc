// The smallest adapter that keeps every rule: a table in memory. Where this one looks into the
// table, an adapter for a real store asks its server. adapters/README.md explains it in six steps.
//
//   write_an_adapter      runs every case on itself, and ends with 1 if it breaks a rule
#include <map>

#include "dr/adapter/adapter_calls.h"
#include "dr/adapter/adapter_registry.h"
#include "dr/adapter/stored_value.h"
#include "dr/mutex.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "dr/testing/adapter_cases.h"
#include "fmt/format.h"

using absl::Status;
using absl::StatusOr;

namespace {

class TableStore final : public dr::StateAdapter {
 public:
  static StatusOr<std::unique_ptr<dr::StateAdapter>> Open(const dr::Uri& uri,
                                                          const dr::AdapterEnvironment& given,
                                                          const dr::Context& context) {
    DR_RETURN_IF_ERROR(uri.CheckParameters({}));
    DR_RETURN_IF_ERROR(dr::CheckContext(context, *given.clock, "Open"));
    return std::make_unique<TableStore>(*given.random, *given.clock);
  }
  TableStore(dr::Random& random, const dr::Clock& clock) : random_(random), clock_(clock) {}

  const dr::Capabilities& capabilities() const override { return can_; }

  StatusOr<dr::Version> Put(std::string_view key, std::string_view value,
                            const dr::PutOptions& options, const dr::Context& context) override {
    DR_RETURN_IF_ERROR(dr::CheckPut(can_, key, value, options, context, clock_));
    DR_ASSIGN_OR_RETURN(const std::uint64_t nonce, random_.Next());
    const dr::StoredTrailer trailer = dr::EncodeStoredTrailer(key, value, nonce);
    dr::MutexLock lock(mutex_);
    const auto found = table_.find(key);
    const bool exists = found != table_.end();
    if (options.condition == dr::PutCondition::kIfAbsent && exists) return dr::ValueExists(key);
    if (options.condition == dr::PutCondition::kIfVersion) {
      if (!exists) return dr::NoValue(key);
      if (dr::StoredVersion(found->second) != options.version) return dr::ValueChanged(key);
    }
    std::string& stored = table_[std::string(key)];
    stored.assign(value).append(trailer.data(), trailer.size());
    return dr::StoredVersion(stored);
  }

  StatusOr<dr::Item> Get(std::string_view key, const dr::Context& context) override {
    DR_RETURN_IF_ERROR(dr::CheckGet(can_, key, context, clock_));
    dr::MutexLock lock(mutex_);
    const auto found = table_.find(key);
    if (found == table_.end()) return dr::NoValue(key);
    return dr::DecodeStored(key, found->second);
  }

  StatusOr<dr::Page> List(std::string_view prefix, std::string_view after,
                          const dr::Context& context) override {
    DR_RETURN_IF_ERROR(dr::CheckContext(context, clock_, "List"));
    dr::MutexLock lock(mutex_);
    dr::Page page;
    auto it = after < prefix ? table_.lower_bound(prefix) : table_.upper_bound(after);
    for (; it != table_.end() && it->first.starts_with(prefix) && !page.more; ++it) {
      page.entries.push_back({it->first, it->second.size() - dr::kStoredTrailerBytes});
      page.more = page.entries.size() == 1000;
    }
    return page;
  }

  Status Delete(std::string_view key, const dr::DeleteOptions& options,
                const dr::Context& context) override {
    DR_RETURN_IF_ERROR(dr::CheckDelete(can_, key, options, context, clock_));
    dr::MutexLock lock(mutex_);
    const auto found = table_.find(key);
    if (found == table_.end()) return options.if_version ? dr::NoValue(key) : absl::OkStatus();
    if (options.if_version && dr::StoredVersion(found->second) != *options.if_version)
      return dr::ValueChanged(key);
    table_.erase(found);
    return absl::OkStatus();
  }

  Status Check(const dr::Context& context) override {
    return dr::CheckContext(context, clock_, "Check");
  }

 private:
  // Neither durable nor fence-safe, without expiry and batches: what is not said is refused.
  const dr::Capabilities can_ = {.if_absent = true, .if_version = true, .max_value_bytes = 1 << 20};
  dr::Random& random_;
  const dr::Clock& clock_;
  dr::Mutex mutex_;
  std::map<std::string, std::string, std::less<>> table_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

int main() {
  dr::PosixFileSystem files;
  dr::SystemClock clock;
  dr::SystemRandom random;
  dr::AdapterRegistry registry;
  if (Status s = registry.Register("table", TableStore::Open); !s.ok()) return dr::PrintError(s);
  const auto store = registry.Open("table:///of/mine", {&files, &clock, &random});
  if (!store.ok()) return dr::PrintError(store.status());
  int cases = 0;
  for (const dr::AdapterCase& check : dr::AdapterCases()) {
    if (!check.applies((*store)->capabilities())) continue;
    const Status status = check.run(**store, fmt::format("case/{}/", ++cases));
    fmt::print("{}: {}\n", status.ok() ? "passed" : "FAILED", check.name);
    if (!status.ok()) return dr::PrintError(status);
  }
  return cases > 0 ? 0 : 1;
}
