#include "dr/inspect/store_trial.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "dr/environment/uri.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/base/out_of_memory.h"
#include "src/inspect/tracked_store.h"

namespace dr::inline v0 {
namespace {

constexpr std::size_t kMeasuredBytes = 1024;
constexpr std::chrono::seconds kCallsMax{60}, kCheckMax{10};

absl::StatusOr<std::string> FreshPrefix(Random& random, const std::string& wanted) {
  if (wanted.empty() || wanted.size() > kTrialPrefixMax) {
    return MakeFault({.kind = FaultKind::kInvalid, .next = "choose another"},
                     fmt::format("a prefix has 1 to {} bytes", kTrialPrefixMax));
  }
  DR_ASSIGN_OR_RETURN(const std::uint64_t number, random.Next());
  return fmt::format("{}{:016x}/", wanted, number);
}

// Of a store that is a place on this machine.
std::optional<std::uint64_t> FreeBytes(FileSystem& files, const Uri& uri) {
  if (!uri.host.empty()) return std::nullopt;
  const auto directory = files.OpenDirectory(uri.path, Create::kNever);
  if (!directory.ok()) return std::nullopt;
  const auto volume = (*directory)->Volume();
  if (!volume.ok()) return std::nullopt;
  return volume->free_bytes;
}

CallCost CostOf(std::vector<double> microseconds) {
  std::ranges::sort(microseconds);
  const std::size_t n = microseconds.size();
  return {.p50_us = microseconds[n / 2], .p99_us = microseconds[n * 99 / 100]};
}

template <typename Call>
absl::StatusOr<double> Time(const Clock& clock, const Call& call) {
  const Instant begin = clock.Now();
  DR_RETURN_IF_ERROR(call().status());
  return std::chrono::duration<double, std::micro>(clock.Now() - begin).count();
}

class Trial {
 public:
  Trial(const AdapterRegistry& adapters, const AdapterEnvironment& environment,
        const TrialOptions& options, StoreTrial& result)
      : adapters_(adapters), environment_(environment), options_(options), result_(result) {}

  void Run() {
    absl::Status ended = WithinMemory([&] { return Open(); });
    if (store_ != nullptr) {
      if (ended.ok()) ended = WithinMemory([&] { return Try(); });
      ended.Update(store_->RemoveAll(Within(kCallsMax)));
    }
    result_.left_behind = footprint_.size();
    if (!result_.failed.empty()) {  // what it declares is not to be relied on
      result_.can.fence_safe = false;
      result_.can.weaknesses.emplace_back("cases failed");
    }
    result_.verdict = Verdict(ended);
  }

 private:
  Context Within(std::chrono::seconds time) const {
    return {.deadline = environment_.clock->Now() + time};
  }

  // One registry, since some stores are open once in a process.
  absl::StatusOr<std::unique_ptr<TrackedStore>> OpenTracked() {
    DR_ASSIGN_OR_RETURN(auto opened, adapters_.Open(options_.uri, environment_));
    return std::make_unique<TrackedStore>(std::move(opened), footprint_);
  }

  absl::Status Open() {
    DR_ASSIGN_OR_RETURN(result_.prefix, FreshPrefix(*environment_.random, options_.prefix));
    DR_ASSIGN_OR_RETURN(const Uri uri, ParseUri(options_.uri, environment_.variables));
    DR_ASSIGN_OR_RETURN(store_, OpenTracked());
    result_.uri = uri.Redacted();  // only now is it known what each parameter is
    result_.can = store_->capabilities();
    result_.free_bytes = FreeBytes(*environment_.files, uri);
    return absl::OkStatus();
  }

  absl::Status RefuseWhenStopped() const {
    if (!options_.is_stopped || !options_.is_stopped()) return absl::OkStatus();
    return MakeFault({.kind = FaultKind::kCancelled, .next = "run it again"}, "it was interrupted");
  }

  // Ends early when the store is gone, or the caller wants it to end.
  absl::Status Try() {
    DR_RETURN_IF_ERROR(RefuseWhenStopped());
    DR_RETURN_IF_ERROR(Measure());
    for (std::size_t i = 0; i < options_.cases.size(); ++i) {
      DR_RETURN_IF_ERROR(RefuseWhenStopped());
      const AdapterCase& check = options_.cases[i];
      if (options_.progress) options_.progress(i, options_.cases.size(), check.name);
      if (check.applies(result_.can)) {
        DR_RETURN_IF_ERROR(RunCase(check, fmt::format("{}{}/", result_.prefix, i)));
      } else {
        ++result_.not_applicable;
      }
    }
    return absl::OkStatus();
  }

  absl::Status Measure() {
    const std::string value(kMeasuredBytes, 'v');
    const Context context = Within(kCallsMax);
    std::vector<double> puts, gets;
    for (std::uint32_t i = 0; i < std::max(options_.measured_calls, 1u); ++i) {
      const std::string key = fmt::format("{}m/{}", result_.prefix, i);
      DR_ASSIGN_OR_RETURN(const double put, Time(*environment_.clock, [&] {
                            return store_->Put(key, value, {}, context);
                          }));
      DR_ASSIGN_OR_RETURN(const double get,
                          Time(*environment_.clock, [&] { return store_->Get(key, context); }));
      puts.push_back(put);
      gets.push_back(get);
    }
    result_.put = CostOf(std::move(puts));
    result_.get = CostOf(std::move(gets));
    return absl::OkStatus();
  }

  absl::Status RunCase(const AdapterCase& check, const std::string& prefix) {
    absl::Status status = check.run({*store_, [this] { return OpenTracked(); }}, prefix);
    const absl::Status cleaned = store_->RemoveAll(Within(kCallsMax));
    if (status.ok()) {
      ++result_.passed;
      return cleaned;
    }
    result_.failed.push_back({check.name, std::move(status)});
    return store_->Check(Within(kCheckMax));
  }

  absl::Status Verdict(const absl::Status& ended) const {
    if (result_.left_behind > 0) {
      return MakeFault({.kind = FaultKind::kIo,
                        .place = result_.uri,
                        .next = fmt::format("delete what begins with {} there", result_.prefix)},
                       fmt::format("{} keys could not be deleted again", result_.left_behind));
    }
    DR_RETURN_IF_ERROR(ended);
    const std::size_t failed = result_.failed.size();
    if (failed == 0) return absl::OkStatus();
    return MakeFault(
        {.kind = FaultKind::kUnsupported, .place = result_.uri, .next = "keep no state there"},
        fmt::format("{} of {} cases failed", failed, failed + result_.passed));
  }

  const AdapterRegistry& adapters_;
  const AdapterEnvironment& environment_;
  const TrialOptions& options_;
  StoreTrial& result_;
  Footprint footprint_;
  std::unique_ptr<TrackedStore> store_;
};

}  // namespace

StoreTrial TryStore(const AdapterRegistry& adapters, const AdapterEnvironment& environment,
                    const TrialOptions& options) {
  StoreTrial result;
  Trial(adapters, environment, options, result).Run();
  return result;
}

}  // namespace dr::inline v0
