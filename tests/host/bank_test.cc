// Sixteen tellers move money between two components while checkpoints are taken.

#include <atomic>
#include <catch2/catch.hpp>
#include <charconv>
#include <thread>

#include "dr/host.h"
#include "dr/testing/sim_clock.h"
#include "dr/testing/sim_file_system.h"
#include "dr/testing/sim_random.h"
#include "fmt/format.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

constexpr int kTellers = 16;
constexpr int kMovesEach = 60;

/// Money in one place, and how many moves changed it.
class Vault : public StatefulComponent {
 public:
  explicit Vault(std::string id)
      : StatefulComponent(std::move(id), {.name = "vault", .version = 1}) {}
  struct Content {
    std::int64_t money = 0, moves = 0;
  };
  Content content() const {
    ReaderLock lock(state_mutex());
    return content_;
  }

 private:
  static std::int64_t Parse(std::string_view text) {
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
  }
  absl::Status Apply(const Operation& op) override {
    content_.money += Parse(op.payload);
    ++content_.moves;
    return absl::OkStatus();
  }
  absl::Status SaveState(StateWriter& out) const override {
    absl::Status money = out.Write(std::to_string(content_.money));
    return money.ok() ? out.Write(std::to_string(content_.moves)) : money;
  }
  absl::Status LoadState(StateReader& in) override {
    content_ = {};
    for (std::int64_t* number : {&content_.money, &content_.moves}) {
      auto record = in.Next();
      if (!record.ok() || !*record) return record.status();
      *number = Parse(**record);
    }
    return in.Next().status();
  }

  Content content_;
};

struct Bank {
  Vault checking{"checking"}, savings{"savings"};
  SimClock clock;
  SimRandom random{4};

  absl::StatusOr<std::unique_ptr<Host>> Open(SimFileSystem& disk) {
    HostOptions options;
    options.directory = "bank";
    options.components = {&checking, &savings};
    options.environment = {.files = &disk, .clock = &clock, .random = &random};
    options.log = {.segment_bytes = 64 << 10, .group_bytes = 8 << 10, .ring_capacity = 64};
    return Host::Open(std::move(options), {});
  }
  absl::Status Move(std::int64_t amount) {
    const std::string taken = fmt::format("{}", -amount), put = fmt::format("{}", amount);
    const ComponentCommit batch[] = {{&checking, taken}, {&savings, put}};
    return CommitAll(batch).status();
  }
};

// What a power cut now would leave: no move in half, and none of those that were acknowledged gone.
void CheckAfterPowerCut(const SimFileSystem& disk, int acknowledged) {
  const std::unique_ptr<SimFileSystem> after = disk.AfterPowerCut();
  Bank bank;
  auto host = Value(bank.Open(*after));
  const Vault::Content from = bank.checking.content(), to = bank.savings.content();
  CHECK(from.money + to.money == 0);
  CHECK(from.moves == to.moves);
  CHECK(from.moves >= acknowledged);
}

TEST_CASE("B4: the sum of two accounts is constant at every cut while 16 writers move money") {
  SimFileSystem disk;
  {
    Bank bank;
    auto host = Value(bank.Open(disk));
    std::atomic<int> acknowledged = 0, failed = 0, at_work = kTellers;
    std::vector<std::thread> tellers;
    for (int teller = 0; teller < kTellers; ++teller) {
      tellers.emplace_back([&, teller] {
        for (int i = 0; i < kMovesEach; ++i) {
          ++(bank.Move(1 + teller * i % 97).ok() ? acknowledged : failed);
        }
        --at_work;
      });
    }
    // No assertion that throws while threads run.
    int cuts = 0;
    absl::Status taken;
    do {
      const int before = acknowledged;
      taken = host->Checkpoint().status();
      CheckAfterPowerCut(disk, before);
      ++cuts;
    } while (at_work > 0 && taken.ok());
    for (std::thread& teller : tellers) teller.join();
    REQUIRE_OK(taken);
    CHECK(failed == 0);
    CHECK(host->figures().checkpoint_failures == 0);
    CHECK(host->figures().checkpoints <= static_cast<std::uint64_t>(cuts));
    CHECK(host->figures().checkpoint_pause_max >= host->figures().checkpoint_pause_p50);
  }
  CheckAfterPowerCut(disk, kTellers * kMovesEach);
}

}  // namespace
}  // namespace dr::test
