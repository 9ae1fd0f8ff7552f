#include "tools/drctl/store_trial.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "dr/testing/adapter_cases.h"
#include "fmt/format.h"
#include "src/testing/adapter/adapter_check.h"

namespace drctl {

namespace {

constexpr std::size_t kMeasuredBytes = 1024;

dr::Context Within(const dr::Clock& clock, std::chrono::seconds time) {
  return {.deadline = clock.Now() + time};
}

std::vector<dr::AdapterCase> CasesFor(bool quick) {
  std::vector<dr::AdapterCase> cases;
  if (!quick) {
    const auto all = dr::AdapterCases();
    return {all.begin(), all.end()};
  }
  for (std::span<const dr::AdapterCase> some :
       {dr::ValueCases(), dr::ConditionCases(), dr::DeletionCases(), dr::ContextCases()}) {
    cases.insert(cases.end(), some.begin(), some.end());
  }
  return cases;
}

CallCost CostOf(std::vector<double> microseconds) {
  std::ranges::sort(microseconds);
  const std::size_t n = microseconds.size();
  return {.p50_us = microseconds[n / 2], .p99_us = microseconds[n * 99 / 100]};
}

template <typename Call>
absl::StatusOr<double> Time(const dr::Clock& clock, const Call& call) {
  const dr::Instant begin = clock.Now();
  DR_RETURN_IF_ERROR(call().status());
  return std::chrono::duration<double, std::micro>(clock.Now() - begin).count();
}

absl::Status Measure(dr::StateAdapter& store, const dr::Clock& clock, const TrialOptions& options,
                     StoreTrial& trial) {
  const int calls = options.quick ? 50 : 200;
  const std::string value(kMeasuredBytes, 'v');
  const dr::Context context = Within(clock, std::chrono::seconds(60));
  std::vector<double> puts, gets;
  for (int i = 0; i < calls; ++i) {
    const std::string key = fmt::format("{}m/{}", options.prefix, i);
    DR_ASSIGN_OR_RETURN(double put,
                        Time(clock, [&] { return store.Put(key, value, {}, context); }));
    DR_ASSIGN_OR_RETURN(double get, Time(clock, [&] { return store.Get(key, context); }));
    puts.push_back(put);
    gets.push_back(get);
  }
  trial.put = CostOf(std::move(puts));
  trial.get = CostOf(std::move(gets));
  return absl::OkStatus();
}

// Ends early when the store is gone, or somebody wants it to end.
absl::Status RunCases(TrackedStore& store, const StoreOpener& open, const dr::Clock& clock,
                      const TrialOptions& options, StoreTrial& trial) {
  const std::vector<dr::AdapterCase> cases = CasesFor(options.quick);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (options.is_stopped && options.is_stopped()) {
      return dr::MakeFault({.kind = dr::FaultKind::kCancelled, .next = "run it again"},
                           "it was interrupted");
    }
    const dr::AdapterCase& check = cases[i];
    if (options.progress) options.progress(i, cases.size(), check.name);
    if (!check.applies(store.capabilities())) {
      ++trial.not_applicable;
      continue;
    }
    absl::Status status = check.run({store, open}, fmt::format("{}{}/", options.prefix, i));
    const absl::Status cleaned = store.RemoveAll(Within(clock, std::chrono::seconds(60)));
    if (status.ok()) {
      ++trial.passed;
      DR_RETURN_IF_ERROR(cleaned);
      continue;
    }
    trial.failed.push_back({check.name, std::move(status)});
    DR_RETURN_IF_ERROR(store.Check(Within(clock, std::chrono::seconds(10))));
  }
  return absl::OkStatus();
}

}  // namespace

StoreTrial TryStore(TrackedStore& store, const StoreOpener& open, const dr::Clock& clock,
                    const TrialOptions& options) {
  StoreTrial trial;
  trial.ended = Measure(store, clock, options, trial);
  if (trial.ended.ok()) {
    trial.ended = RunCases(store, open, clock, options, trial);
  }
  trial.ended.Update(store.RemoveAll(Within(clock, std::chrono::seconds(60))));
  return trial;
}

}  // namespace drctl
