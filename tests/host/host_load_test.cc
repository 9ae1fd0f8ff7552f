// A host under every kind of commit at once: small segments and a small ring, quick checkpoints,
// deadlines that end. What was acknowledged is there, once and in order, live and after reopening.

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdio>
#include <random>
#include <thread>

#include "tests/host/small_host.h"
#include "tests/support/load_seconds.h"

namespace dr::test {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr int kWriters = 6, kLedgers = 3;

/// Of each writer the number of its last operation, which must be the one after the one before.
class Ledger : public StatefulComponent {
 public:
  explicit Ledger(int n) : StatefulComponent("ledger-" + std::to_string(n), {"ledger", 1}) {}

  absl::StatusOr<Lsn> Put(std::string_view payload, const CommitOptions& options) {
    return Commit(payload, options);
  }
  absl::StatusOr<Lsn> PutIf(std::string payload, const CommitOptions& options) {
    return CommitIf([&]() -> absl::StatusOr<std::string> { return payload; }, options);
  }
  void PutAsync(std::string payload, absl::AnyInvocable<void(absl::StatusOr<Lsn>) &&> done) {
    CommitAsync(std::move(payload), {}, std::move(done));
  }
  std::uint64_t last(int writer) const {
    ReaderLock lock(state_mutex());
    return last_[writer];
  }
  std::uint64_t operations() const {
    ReaderLock lock(state_mutex());
    std::uint64_t all = 0;
    for (std::uint64_t last : last_) all += last;
    return all;
  }

 private:
  absl::Status Apply(const Operation& op) override {
    int writer = 0;
    unsigned long long number = 0;
    const std::string head(op.payload.substr(0, 48));
    if (std::sscanf(head.c_str(), "%d %llu ", &writer, &number) != 2) {
      return absl::InternalError("another payload");
    }
    if (number != last_[writer] + 1) {
      return absl::InternalError(
          fmt::format("of writer {}, {} follows {}", writer, number, last_[writer]));
    }
    last_[writer] = number;
    return absl::OkStatus();
  }
  absl::Status SaveState(StateWriter& out) const override {
    for (std::uint64_t last : last_) {
      if (absl::Status s = out.Write(std::to_string(last)); !s.ok()) return s;
    }
    return absl::OkStatus();
  }
  absl::Status LoadState(StateReader& in) override {
    last_ = {};
    for (int writer = 0;; ++writer) {
      absl::StatusOr<std::optional<std::string_view>> record = in.Next();
      if (!record.ok()) return record.status();
      if (!*record) return absl::OkStatus();
      last_.at(writer) = std::stoull(std::string(**record));
    }
  }

  std::array<std::uint64_t, kWriters> last_ = {};
};

struct Ledgers {
  std::array<Ledger, kLedgers> all{Ledger(0), Ledger(1), Ledger(2)};
  std::vector<StatefulComponent*> pointers() { return {&all[0], &all[1], &all[2]}; }
};

std::string PayloadOf(int writer, std::uint64_t number, std::size_t size) {
  std::string payload = fmt::format("{} {} ", writer, number);
  payload.resize(std::max(payload.size(), size), 'x');
  return payload;
}

/// One thread's commits. A number is used again only if its operation surely was not taken.
class Writer {
 public:
  Writer(int number, Ledgers& ledgers, bool impatient)
      : number_(number), ledgers_(ledgers), impatient_(impatient), dice_(number + 1) {}

  void Work(const std::atomic<bool>& stop) {
    while (!stop && wrong.empty()) {
      switch (dice_() % 8) {
        case 0:
          Batch();
          break;
        case 1:
          Asynchronous();
          break;
        case 2:
          One(true);
          break;
        default:
          One(false);
      }
    }
    for (std::unique_ptr<std::atomic<int>>& done : open_) done->wait(0);
  }

  std::array<std::uint64_t, kLedgers> submitted = {};
  std::string wrong;

 private:
  std::size_t Size() {
    const std::uint64_t kind = dice_() % 64;
    return kind == 0 ? dice_() % (5 << 20) : kind < 8 ? dice_() % (64 << 10) : dice_() % 400;
  }
  CommitOptions Options() {
    CommitOptions options;
    if (impatient_ && dice_() % 2 == 0) {
      options.context.deadline = clock_.Now() + microseconds(10 + dice_() % 20'000);
    }
    return options;
  }
  // Whether it was taken; what is neither is noted.
  bool Taken(const absl::Status& status) {
    if (status.ok() || absl::IsUnknown(status)) return true;
    if (!absl::IsDeadlineExceeded(status) && !absl::IsResourceExhausted(status)) {
      wrong = status.ToString();
    }
    return false;
  }
  void One(bool decides) {
    const int ledger = static_cast<int>(dice_() % kLedgers);
    std::string payload = PayloadOf(number_, submitted[ledger] + 1, Size());
    const CommitOptions options = Options();
    const absl::Status status =
        decides ? ledgers_.all[ledger].PutIf(std::move(payload), options).status()
                : ledgers_.all[ledger].Put(payload, options).status();
    if (!Taken(status)) return;
    ++submitted[ledger];
    if (status.ok() && ledgers_.all[ledger].last(number_) < submitted[ledger]) {
      wrong = "acknowledged and not applied";
    }
  }
  void Batch() {
    std::vector<std::string> payloads(2 + dice_() % (dice_() % 8 == 0 ? 30 : 4));
    std::vector<ComponentCommit> commits;
    std::array<std::uint64_t, kLedgers> next = submitted;
    for (std::string& payload : payloads) {
      const int ledger = static_cast<int>(dice_() % kLedgers);
      payload = PayloadOf(number_, ++next[ledger], Size() / payloads.size());
      commits.push_back({&ledgers_.all[ledger], payload});
    }
    const CommitOptions options = Options();
    if (Taken(CommitAll(commits, options).status())) submitted = next;
  }
  void Asynchronous() {
    const int ledger = static_cast<int>(dice_() % kLedgers);
    std::atomic<int>& done = *open_.emplace_back(std::make_unique<std::atomic<int>>(0));
    ledgers_.all[ledger].PutAsync(PayloadOf(number_, submitted[ledger] + 1, Size()),
                                  [&done](absl::StatusOr<Lsn> lsn) {
                                    done = lsn.ok() ? 1 : 2;
                                    done.notify_all();
                                  });
    ++submitted[ledger];  // nothing is full here, so it is taken
    if (open_.size() < 64) return;
    for (std::unique_ptr<std::atomic<int>>& open : open_) {
      open->wait(0);
      if (*open != 1) wrong = "an asynchronous commit was refused";
    }
    open_.clear();
  }

  const int number_;
  Ledgers& ledgers_;
  const bool impatient_;
  SystemClock clock_;
  std::mt19937_64 dice_;
  std::vector<std::unique_ptr<std::atomic<int>>> open_;
};

TEST_CASE("a host under every kind of commit loses and doubles nothing (K70 K71 K79 K95)") {
  const bool impatient = GENERATE(false, true);
  TempDirectory directory;
  std::array<std::uint64_t, kLedgers> submitted_all[kWriters];
  const auto options = [&](Ledgers& ledgers) {
    HostOptions o = Options(directory, ledgers.pointers());
    o.log = {.segment_bytes = 256 << 10, .group_bytes = 32 << 10, .ring_capacity = 64};
    o.checkpoint.interval = milliseconds(50);
    o.checkpoint.on_shutdown = false;
    return o;
  };
  {
    Ledgers ledgers;
    std::unique_ptr<Host> host = Value(Host::Open(options(ledgers), {}));
    REQUIRE_OK(host->Start());
    std::atomic<bool> stop = false;
    std::vector<std::unique_ptr<Writer>> writers;
    std::vector<std::jthread> threads;
    for (int i = 0; i < kWriters; ++i) {
      writers.push_back(std::make_unique<Writer>(i, ledgers, impatient));
      threads.emplace_back([&stop, writer = writers.back().get()] { writer->Work(stop); });
    }
    std::this_thread::sleep_for(LoadTime(milliseconds(1500)));
    stop = true;
    threads.clear();
    for (int i = 0; i < kWriters; ++i) {
      INFO(writers[i]->wrong);
      REQUIRE(writers[i]->wrong.empty());
      submitted_all[i] = writers[i]->submitted;
    }
    REQUIRE_OK(host->Shutdown());
    for (int i = 0; i < kWriters; ++i) {
      for (int l = 0; l < kLedgers; ++l) CHECK(ledgers.all[l].last(i) == submitted_all[i][l]);
    }
    CHECK(host->figures().failed_components.empty());
    CHECK(host->figures().checkpoints > 0);
    CHECK(ledgers.all[0].operations() > 50);
  }
  Ledgers again;
  std::unique_ptr<Host> host = Value(Host::Open(options(again), {}));
  for (int i = 0; i < kWriters; ++i) {
    for (int l = 0; l < kLedgers; ++l) CHECK(again.all[l].last(i) == submitted_all[i][l]);
  }
}

}  // namespace
}  // namespace dr::test
