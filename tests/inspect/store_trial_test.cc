#include "dr/inspect/store_trial.h"

#include <catch2/catch.hpp>

#include "dr/adapter/memory_store.h"
#include "dr/status.h"
#include "dr/testing/adapter_cases.h"
#include "tests/host/borrowed_registry.h"

namespace dr::test {
namespace {

/// What a trial needs, with a store in memory.
struct Bench {
  PosixFileSystem files;
  SystemClock clock;
  SystemRandom random;
  MemoryStore memory;

  StoreTrial Try(StateAdapter& store, TrialOptions options) {
    options.uri = kBorrowed;
    if (options.prefix.empty()) options.prefix = "trial/";
    options.measured_calls = 3;
    return TryStore(Borrowed(store), {&files, &clock, &random}, options);
  }
  bool IsEmpty() { return memory.List("", "", {})->entries.empty(); }
};

/// Keeps every second byte of a value.
class Lossy final : public SingleCalls {
 public:
  using SingleCalls::SingleCalls;
  absl::StatusOr<Version> Put(std::string_view key, std::string_view value,
                              const PutOptions& options, const Context& context) override {
    return inner().Put(key, value.substr(0, value.size() / 2), options, context);
  }
};

/// Gives nothing up.
class Sticky final : public SingleCalls {
 public:
  using SingleCalls::SingleCalls;
  absl::Status Delete(std::string_view, const DeleteOptions&, const Context&) override {
    return absl::UnavailableError("not now");
  }
};

bool Always(const Capabilities&) { return true; }
bool Never(const Capabilities&) { return false; }
absl::Status Pass(const AdapterUnderTest& tested, std::string_view prefix) {
  return tested.store.Put(std::string(prefix) + "k", "v", {}, {}).status();
}
absl::Status Fail(const AdapterUnderTest&, std::string_view) {
  return absl::InternalError("expected this, found that");
}

TEST_CASE("A store that passes is left as it was, with what was measured and declared") {
  Bench bench;
  const StoreTrial trial = bench.Try(bench.memory, {.cases = QuickAdapterCases()});
  INFO(trial.verdict.ToString());
  CHECK(trial.verdict.ok());
  CHECK(trial.passed > 20);
  CHECK(trial.failed.empty());
  CHECK(trial.tried());
  CHECK(trial.put.p99_us >= trial.put.p50_us);
  CHECK(trial.can.if_absent);
  CHECK(trial.prefix.starts_with("trial/"));
  CHECK(trial.left_behind == 0);
  CHECK(bench.IsEmpty());
}

TEST_CASE("A store that loses bytes fails cases, and is not fence-safe whatever it declares") {
  Bench bench;
  Lossy lossy(bench.memory);
  const StoreTrial trial = bench.Try(lossy, {.cases = QuickAdapterCases()});
  CHECK(IsFault(trial.verdict, FaultKind::kUnsupported));
  CHECK_FALSE(trial.failed.empty());
  CHECK_FALSE(trial.can.fence_safe);
  CHECK(trial.can.weaknesses.back() == "cases failed");
  CHECK(bench.IsEmpty());
}

TEST_CASE("Cases about what is not declared are counted and not run") {
  Bench bench;
  const AdapterCase cases[] = {
      {"passes", Always, Pass}, {"is not asked", Never, Fail}, {"fails", Always, Fail}};
  const StoreTrial trial = bench.Try(bench.memory, {.cases = cases});
  CHECK(trial.passed == 1);
  CHECK(trial.not_applicable == 1);
  REQUIRE(trial.failed.size() == 1);
  CHECK(trial.failed[0].name == "fails");
}

TEST_CASE("A trial that is stopped says so and leaves nothing") {
  Bench bench;
  int asked = 0;
  const AdapterCase cases[] = {{"passes", Always, Pass}, {"is not reached", Always, Fail}};
  const StoreTrial trial =
      bench.Try(bench.memory, {.cases = cases, .is_stopped = [&] { return ++asked == 3; }});
  CHECK(IsFault(trial.verdict, FaultKind::kCancelled));
  CHECK(trial.passed == 1);
  CHECK(trial.failed.empty());
  CHECK(bench.IsEmpty());
}

TEST_CASE("Keys that cannot be deleted again are counted, and are an error") {
  Bench bench;
  Sticky sticky(bench.memory);
  const AdapterCase cases[] = {{"passes", Always, Pass}};
  const StoreTrial trial = bench.Try(sticky, {.cases = cases});
  CHECK(trial.left_behind == 4);
  CHECK(IsFault(trial.verdict, FaultKind::kIo));
  CHECK(FaultOf(trial.verdict)->next.find(trial.prefix) != std::string::npos);
}

TEST_CASE("A prefix of no bytes or too many is refused before the store is opened") {
  Bench bench;
  const StoreTrial trial =
      bench.Try(bench.memory, {.prefix = std::string(kTrialPrefixMax + 1, 'x')});
  CHECK(absl::IsInvalidArgument(trial.verdict));
  CHECK(trial.uri.empty());
  CHECK_FALSE(trial.tried());
}

TEST_CASE("A store that cannot be opened is not tried, and its secret not shown") {
  Bench bench;
  const StoreTrial trial =
      TryStore({}, {&bench.files, &bench.clock, &bench.random},
               {.uri = "nosuch://u:canary-7f1c@h/x", .prefix = "p", .cases = AdapterCases()});
  CHECK(absl::IsUnimplemented(trial.verdict));
  CHECK(trial.verdict.ToString().find("canary") == std::string::npos);
  CHECK_FALSE(trial.tried());
}

}  // namespace
}  // namespace dr::test
