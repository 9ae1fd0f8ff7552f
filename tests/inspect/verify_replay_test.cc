// Replay is checked against what was recorded live.

#include "dr/inspect/verify_replay.h"

#include <catch2/catch.hpp>

#include "dr/host.h"
#include "fmt/format.h"
#include "tests/host/small_host.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

// State that the log does not determine.
class Dice : public StatefulComponent {
 public:
  explicit Dice(std::uint64_t bad_from, std::uint32_t version = 1)
      : StatefulComponent("dice", {.name = "dice", .version = version}),
        version_(version),
        bad_from_(bad_from) {}
  absl::Status Roll() { return Commit("roll").status(); }

 private:
  absl::Status Apply(const Operation& op) override {
    static std::uint64_t salt = 0;
    sum_ += op.lsn.value;
    if (op.lsn.value >= bad_from_) sum_ += ++salt * 1'000'003;
    return absl::OkStatus();
  }
  // Version 2 writes the same number in another way.
  std::string Record() const {
    return version_ == 1 ? std::to_string(sum_) : fmt::format("0{}", sum_);
  }
  absl::Status SaveState(StateWriter& out) const override { return out.Write(Record()); }
  absl::Status LoadState(StateReader& in) override {
    auto record = in.Next();
    if (!record.ok() || !*record) return record.status();
    sum_ = std::stoull(std::string(**record));
    return in.Next().status();
  }
  std::optional<Digest> StateDigest() const override { return DigestOf(Record()); }
  absl::Status RegisterUpgrades(SchemaUpgrades& registry) const override {
    absl::Status state =
        registry.AddStateUpgrade("dice", 1, [](std::string_view record, StateWriter& out) {
          return out.Write("0" + std::string(record));
        });
    if (!state.ok()) return state;
    return registry.AddOperationUpgrade(
        "dice", 1,
        [](std::string_view op) -> absl::StatusOr<std::string> { return std::string(op); });
  }

  const std::uint32_t version_;
  const std::uint64_t bad_from_;
  std::uint64_t sum_ = 0;
};

TEST_CASE("P12: replay of a deterministic component agrees with every digest") {
  TempDirectory directory;
  static constexpr std::uint64_t kNever = ~0ULL;
  {
    Dice dice(kNever);
    HostOptions options = Options(directory, {&dice});
    options.checkpoint.digest_every = 10;
    auto host = Value(Host::Open(std::move(options), {}));
    for (int i = 0; i < 100; ++i) REQUIRE_OK(dice.Roll());
    REQUIRE_OK(host->Checkpoint());
    for (int i = 0; i < 50; ++i) REQUIRE_OK(dice.Roll());
    REQUIRE_OK(host->Shutdown());
  }
  const ReplayReport report = Value(VerifyReplay(
      {.directory = directory.path() + "/state", .scratch = directory.path() + "/scratch"}, [] {
        std::vector<std::unique_ptr<StatefulComponent>> fresh;
        fresh.push_back(std::make_unique<Dice>(kNever));
        return fresh;
      }));
  INFO(report.text);
  CHECK(report.equal);
  CHECK(report.operations == 150);
  CHECK(report.digests >= 15);
}

TEST_CASE("P12: digests of an older schema are passed over, and those of today's are compared") {
  TempDirectory directory;
  static constexpr std::uint64_t kNever = ~0ULL;
  for (std::uint32_t version : {1u, 2u}) {
    Dice dice(kNever, version);
    HostOptions options = Options(directory, {&dice});
    options.checkpoint = {.on_shutdown = version == 1, .digest_every = 10};
    auto host = Value(Host::Open(std::move(options), {}));
    for (int i = 0; i < 50; ++i) REQUIRE_OK(dice.Roll());
    REQUIRE_OK(host->Shutdown());
  }
  const ReplayReport report = Value(VerifyReplay(
      {.directory = directory.path() + "/state", .scratch = directory.path() + "/scratch"}, [] {
        std::vector<std::unique_ptr<StatefulComponent>> fresh;
        fresh.push_back(std::make_unique<Dice>(kNever, 2));
        return fresh;
      }));
  INFO(report.text);
  CHECK(report.equal);
  CHECK(report.operations == 100);
  CHECK(report.digests == 5);
}

TEST_CASE(
    "P10: a planted nondeterminism is named by the first operation after which digests differ") {
  TempDirectory directory;
  const std::uint64_t bad_from = GENERATE(3u, 57u);
  {
    Dice dice(bad_from);
    HostOptions options = Options(directory, {&dice});
    options.checkpoint.digest_every = 20;
    auto host = Value(Host::Open(std::move(options), {}));
    for (int i = 0; i < 120; ++i) REQUIRE_OK(dice.Roll());
    REQUIRE_OK(host->Shutdown());
  }
  const ReplayReport report = Value(VerifyReplay(
      {.directory = directory.path() + "/state", .scratch = directory.path() + "/scratch"}, [&] {
        std::vector<std::unique_ptr<StatefulComponent>> fresh;
        fresh.push_back(std::make_unique<Dice>(bad_from));
        return fresh;
      }));
  INFO(report.text);
  CHECK_FALSE(report.equal);
  CHECK(report.component == "dice");
  CHECK(report.first_difference.value == bad_from);
}

TEST_CASE("A directory that a host has open is not copied under it") {
  TempDirectory directory;
  Dice dice(~0ULL);
  auto host = Value(Host::Open(Options(directory, {&dice}), {}));
  REQUIRE_OK(dice.Roll());
  const auto factory = [] {
    std::vector<std::unique_ptr<StatefulComponent>> fresh;
    fresh.push_back(std::make_unique<Dice>(~0ULL));
    return fresh;
  };
  const ReplayOptions options{.directory = directory.path() + "/state",
                              .scratch = directory.path() + "/scratch"};
  CHECK(VerifyReplay(options, factory).status().code() == absl::StatusCode::kUnavailable);
  REQUIRE_OK(host->Shutdown());
  host.reset();
  CHECK(Value(VerifyReplay(options, factory)).equal);
}

TEST_CASE("A scratch place inside the directory is refused, and nothing is left in it") {
  TempDirectory directory;
  {
    Dice dice(~0ULL);
    auto host = Value(Host::Open(Options(directory, {&dice}), {}));
    REQUIRE_OK(dice.Roll());
  }
  const std::string state = directory.path() + "/state", scratch = state + "/deep/scratch";
  const auto factory = [] { return std::vector<std::unique_ptr<StatefulComponent>>(); };
  const absl::Status refused =
      VerifyReplay({.directory = state, .scratch = scratch}, factory).status();
  CHECK(refused.code() == absl::StatusCode::kInvalidArgument);
  PosixFileSystem files;
  CHECK(Value(Value(files.OpenDirectory(scratch, Create::kNever))->List()).empty());
}

TEST_CASE("A factory that throws or makes nothing ends VerifyReplay with an error") {
  TempDirectory directory;
  {
    Dice dice(~0ULL);
    auto host = Value(Host::Open(Options(directory, {&dice}), {}));
    REQUIRE_OK(dice.Roll());
  }
  const ReplayOptions options{.directory = directory.path() + "/state",
                              .scratch = directory.path() + "/scratch"};
  using Fresh = std::vector<std::unique_ptr<StatefulComponent>>;
  CHECK(VerifyReplay(options, []() -> Fresh { throw 7; }).status().code() ==
        absl::StatusCode::kInvalidArgument);
  CHECK(VerifyReplay(options, []() -> Fresh { throw std::bad_alloc(); }).status().code() ==
        absl::StatusCode::kResourceExhausted);
  CHECK(VerifyReplay(options, [] { return Fresh(1); }).status().code() ==
        absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace dr::test
