// A23: memory runs out at the n-th allocation, once or for good. A commit is taken whole or not at
// all, and once it has its Lsn nothing that memory could refuse stands between it and its result.

#include <array>
#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <thread>

#include "dr/host.h"
#include "dr/testing/sim_file_system.h"
#include "tests/log/log_fixture.h"
#include "tests/memory/failing_memory.h"

namespace dr::test {
namespace {

constexpr std::size_t kOperations = 24;

// Its Apply and its state need no memory.
class Tally : public StatefulComponent {
 public:
  explicit Tally(std::string id)
      : StatefulComponent(std::move(id), {.name = "tally", .version = 1}) {}
  absl::StatusOr<Lsn> Add(std::string_view payload, const CommitOptions& options = {}) {
    return Commit(payload, options);
  }
  absl::StatusOr<Lsn> AddIf(const std::string& payload) {
    return CommitIf([&]() -> absl::StatusOr<std::string> { return payload; });
  }
  void AddAsync(std::string payload, absl::AnyInvocable<void(absl::StatusOr<Lsn>) &&> done) {
    CommitAsync(std::move(payload), {}, std::move(done));
  }
  std::array<int, kOperations> seen = {};

 private:
  absl::Status Apply(const Operation& op) override {
    ++seen[static_cast<unsigned char>(op.payload[0])];
    return absl::OkStatus();
  }
  absl::Status SaveState(StateWriter& out) const override {
    return out.Write({reinterpret_cast<const char*>(seen.data()), sizeof seen});
  }
  absl::Status LoadState(StateReader& in) override {
    seen = {};
    auto record = in.Next();
    if (!record.ok() || !*record) return record.status();
    (*record)->copy(reinterpret_cast<char*>(seen.data()), sizeof seen);
    return in.Next().status();
  }
};

// Long payloads, so that segments rotate; the first byte says which operation it is.
std::string Payload(std::size_t i) { return std::string(1500, static_cast<char>(i)); }

struct Outcome {
  std::array<absl::StatusOr<Lsn>, kOperations> results;
  int asynchronous_told = 0;
  bool failed = false;  ///< an allocation did
};

HostOptions Options(const TempDirectory& directory, Tally& a, Tally& b) {
  HostOptions options;
  options.directory = directory.path() + "/state";
  options.components = {&a, &b};
  options.log = {.segment_bytes = 64 << 10, .group_bytes = 8 << 10, .ring_capacity = 4};
  options.checkpoint = {.interval = {}, .log_bytes = 0};
  return options;
}

// Every way to commit, in turn, while the nth allocation fails.
void RunLife(Host& host, Tally& a, Tally& b, std::uint64_t nth, bool persistent, Outcome& outcome) {
  std::array<std::string, kOperations> payloads;
  for (std::size_t i = 0; i < kOperations; ++i) payloads[i] = Payload(i);
  StartFailing(nth, persistent);
  for (std::size_t i = 0; i < kOperations; ++i) {
    absl::StatusOr<Lsn>& result = outcome.results[i];
    switch (i % 4) {
      case 0:
        result = a.Add(payloads[i]);
        break;
      case 1:
        result = a.AddIf(payloads[i]);
        break;
      case 2: {
        const ComponentCommit commits[] = {{&a, payloads[i]}, {&b, payloads[i]}};
        result = CommitAll(commits);
        break;
      }
      default:
        a.AddAsync(std::move(payloads[i]), [&outcome, &result](absl::StatusOr<Lsn> lsn) {
          ++outcome.asynchronous_told;
          result = std::move(lsn);
        });
        static_cast<void>(host.Step());
    }
  }
  outcome.failed = StopFailing();
  REQUIRE_OK(host.Step());
}

TEST_CASE("A23, P1: whichever allocation fails, a commit is there whole or has left no trace") {
  const bool persistent = GENERATE(false, true);
  int runs = 0, refused = 0;
  for (std::uint64_t nth = 1;; ++nth, ++runs) {
    INFO("allocation " << nth << (persistent ? " and all behind it" : ""));
    TempDirectory directory;
    Outcome outcome;
    std::array<int, kOperations> seen_a = {}, seen_b = {};
    {
      Tally a("a"), b("b");
      auto host = Value(Host::Open(Options(directory, a, b), {}));
      RunLife(*host, a, b, nth, persistent, outcome);
      seen_a = a.seen;
      seen_b = b.seen;
      REQUIRE_OK(a.Add(Payload(0)));  // and it goes on
      ++seen_a[0];
    }
    CHECK(outcome.asynchronous_told == kOperations / 4);
    for (std::size_t i = 0; i < kOperations; ++i) {
      const absl::StatusOr<Lsn>& result = outcome.results[i];
      INFO("operation " << i << ": " << result.status().ToString());
      const int times = result.ok() ? 1 : 0;
      CHECK(seen_a[i] == times + (i == 0 ? 1 : 0));
      CHECK(seen_b[i] == (i % 4 == 2 ? times : 0));
      if (result.ok()) continue;
      CHECK(result.status().code() == absl::StatusCode::kResourceExhausted);
      ++refused;
    }
    Tally a("a"), b("b");
    auto host = Value(Host::Open(Options(directory, a, b), {}));
    CHECK(a.seen == seen_a);
    CHECK(b.seen == seen_b);
    if (!outcome.failed) break;
  }
  std::cout << "memory: " << runs << " runs, " << refused << " commits refused"
            << (persistent ? " (for good)" : " (once)") << std::endl;
  CHECK(runs > 20);
}

constexpr auto kWhole = std::filesystem::copy_options::recursive;

// What a life that is not under this fault wrote, and what the next one must find.
void Prepare(const TempDirectory& directory) {
  Tally a("a"), b("b");
  auto host = Value(Host::Open(Options(directory, a, b), {}));
  for (std::size_t i = 0; i < kOperations; ++i) REQUIRE_OK(a.Add(Payload(i)));
  REQUIRE_OK(host->Checkpoint());
  REQUIRE_OK(b.Add(Payload(3)));
}

void CheckPrepared(const Tally& a, const Tally& b) {
  for (int times : a.seen) CHECK(times == 1);
  CHECK(b.seen[3] == 1);
}

TEST_CASE(
    "A23: whichever allocation of a life's beginning fails, Open says so and a later one "
    "succeeds") {
  const bool persistent = GENERATE(false, true);
  TempDirectory prepared;
  Prepare(prepared);
  int runs = 0;
  for (std::uint64_t nth = 1;; ++nth, ++runs) {
    INFO("allocation " << nth << (persistent ? " and all behind it" : ""));
    // A beginning leaves a segment behind: the next try would have more to do.
    TempDirectory directory;
    std::filesystem::copy(prepared.path(), directory.path(), kWhole);
    Tally a("a"), b("b");
    HostOptions options = Options(directory, a, b);
    StartFailing(nth, persistent);
    absl::StatusOr<std::unique_ptr<Host>> host = Host::Open(std::move(options), {});
    const bool failed = StopFailing();
    if (host.ok()) CheckPrepared(a, b);
    if (!failed) break;
  }
  std::cout << "memory: " << runs << " beginnings" << std::endl;
  CHECK(runs > 20);
}

TEST_CASE(
    "A23: whichever allocation of a checkpoint with its trim or of an orderly end fails, all "
    "stays") {
  const bool persistent = GENERATE(false, true);
  TempDirectory prepared;
  Prepare(prepared);
  int runs = 0, refused = 0;
  for (std::uint64_t nth = 1;; ++nth, ++runs) {
    INFO("allocation " << nth << (persistent ? " and all behind it" : ""));
    TempDirectory directory;
    std::filesystem::copy(prepared.path(), directory.path(), kWhole);
    bool failed = false;
    {
      Tally a("a"), b("b");
      auto host = Value(Host::Open(Options(directory, a, b), {}));
      StartFailing(nth, persistent);
      const absl::Status checkpoint = host->Checkpoint().status();
      const absl::Status shutdown = host->Shutdown();
      failed = StopFailing();
      for (const absl::Status& status : {checkpoint, shutdown}) {
        if (status.ok()) continue;
        INFO(status.ToString());
        // Saying more than the code takes memory.
        CHECK(FaultOf(status).has_value() == !status.message().empty());
        ++refused;
      }
      CheckPrepared(a, b);
    }
    Tally a("a"), b("b");
    auto host = Value(Host::Open(Options(directory, a, b), {}));
    CheckPrepared(a, b);
    REQUIRE_OK(host->Checkpoint());
    if (!failed) break;
  }
  std::cout << "memory: " << runs << " ends, " << refused << " refusals" << std::endl;
  CHECK(refused > 20);
}

TEST_CASE(
    "whichever allocation fails while a commit waits for its order it leaves the order whole "
    "(K87)") {
  SimFileSystem disk;
  Tally a("a"), b("b");
  HostOptions options;
  options.directory = "agent";
  options.components = {&a, &b};
  options.environment.files = &disk;
  auto host = Value(Host::Open(std::move(options), {}));
  REQUIRE_OK(a.Add(Payload(0)));
  disk.Hold(SimCall::kWrite);
  absl::Status decided;
  std::thread first([&] { decided = a.AddIf(Payload(1)).status(); });
  disk.AwaitHeld(SimCall::kWrite, 1);
  const std::string payload = Payload(2);
  const ComponentCommit commits[] = {{&a, payload}, {&b, payload}};
  // What nothing may follow has its Lsn and is not applied: all that come wait for it.
  int runs = 0;
  for (bool failed = true; failed; ++runs) {
    CommitOptions soon;
    soon.context.deadline = SystemClock().Now() + std::chrono::milliseconds(1);
    StartFailing(runs / 2 + 1, false);
    const absl::Status ended =
        runs % 2 ? CommitAll(commits, soon).status() : a.Add(payload, soon).status();
    failed = StopFailing();
    CHECK((absl::IsDeadlineExceeded(ended) || absl::IsResourceExhausted(ended)));
  }
  CHECK(runs > 10);
  disk.Release(SimCall::kWrite);
  first.join();
  REQUIRE_OK(decided);
  REQUIRE_OK(a.Add(payload));
  REQUIRE_OK(CommitAll(commits));
  CHECK(a.seen[2] == 2);
}

}  // namespace
}  // namespace dr::test
