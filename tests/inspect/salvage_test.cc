#include "dr/inspect/salvage.h"

#include "dr/inspect/log_check.h"
#include "dr/status.h"
#include "fmt/format.h"
#include "tests/inspect/stored_host_fixture.h"

namespace dr::test {
namespace {

/// Plans and writes it.
SalvagePlan SalvageTo(const std::string& from, Lsn to, const std::string& output) {
  const StoredHost host = Value(StoredHost::Open(from));
  const Salvage salvage = Value(Salvage::Plan(host, to));
  REQUIRE_OK(salvage.WriteTo(output));
  CHECK_FALSE(std::filesystem::exists(output + ".partial"));
  return salvage.plan();
}

absl::Status Refusal(const std::string& from, Lsn to, const std::string& output) {
  const StoredHost host = Value(StoredHost::Open(from));
  const absl::StatusOr<Salvage> salvage = Salvage::Plan(host, to);
  if (!salvage.ok()) return salvage.status();
  return salvage->WriteTo(output);
}

bool Says(const absl::Status& status, std::string_view what) {
  return AsStd(status.message()).find(what) != std::string_view::npos;
}

TEST_CASE("A salvaged host holds the operations up to any Lsn, no more and no less") {
  const Places places;
  RunHost(places.host, [](Host& host, Counters& counters) {
    AddMany(counters, 9);
    REQUIRE_OK(host.Shutdown());
  });
  for (std::uint64_t to = 1; to <= 9; ++to) {
    const std::string output = fmt::format("{}{}", places.output, to);
    CHECK(SalvageTo(places.host, {to}, output).first == Lsn{1});
    CHECK(TotalAt(output) == to);
  }
}

TEST_CASE("Salvage ends before damage, and tells what is given up") {
  const Places places;
  RunHost(places.host, [](Host& host, Counters& counters) {
    AddMany(counters, 10);
    REQUIRE_OK(counters.Add(std::string(3'000'000, 'b')));
    AddMany(counters, 10);
    REQUIRE_OK(host.Shutdown());
  });
  static_cast<void>(places.Damage({15}));
  CHECK(Says(Refusal(places.host, {15}, places.output), "the last one that can be is 14"));
  const SalvagePlan plan = SalvageTo(places.host, {12}, places.output);
  CHECK(TotalAt(places.output) == 12);
  REQUIRE(plan.given_up.size() == 2);
  CHECK(plan.given_up[0] == "operations 13 to 14, which can be read");
  CHECK(plan.given_up[1].starts_with("whatever is behind the damage: "));
}

TEST_CASE("Salvage ends before a segment that is missing") {
  const Places places;
  RunHost(places.host, [](Host& host, Counters& counters) {
    AddMany(counters, 60);
    REQUIRE_OK(host.Shutdown());
  });
  const LogFiles files = Value(InspectLog(Value(StoredHost::Open(places.wal))));
  const Lsn last = {files.segments[2].prefix->first_lsn.value - 1};
  std::filesystem::remove(places.wal + "/" + files.segments[2].name);
  std::filesystem::remove(places.wal + "/HEAD");
  CHECK(Says(Refusal(places.host, Next(last), places.output),
             fmt::format("the last one that can be is {}", last.value)));
  static_cast<void>(SalvageTo(places.host, last, places.output));
  CHECK(TotalAt(places.output) == last.value);
}

TEST_CASE("Salvage goes on from a checkpoint where the log before it is gone") {
  const Places places;
  RunHost(places.host, [](Host& host, Counters& counters) {
    for (int operations : {40, 20, 20}) {
      AddMany(counters, operations);
      REQUIRE_OK(host.Checkpoint());
    }
    AddMany(counters, 2);
  });
  const SalvagePlan plan = SalvageTo(places.host, {70}, places.output);
  REQUIRE(plan.checkpoints.size() == 1);
  CHECK(plan.checkpoints[0].as_of == Lsn{60});
  CHECK(plan.given_up[0] == "checkpoint 3: it includes operations up to 80");
  CHECK(TotalAt(places.output) == 70);
  const std::string exact = places.directory.path() + "/exact";
  static_cast<void>(SalvageTo(places.host, {60}, exact));
  RunHost(exact, [](Host&, Counters& counters) {
    AddMany(counters, 2);
    CHECK(counters.Total() == 62);
  });
  CHECK(Says(Refusal(places.host, {10}, places.directory.path() + "/early"), "cannot be reached"));
}

TEST_CASE("Salvage of a folder of segments gives a folder of segments") {
  const Places places;
  RunHost(places.host, [](Host&, Counters& counters) { AddMany(counters, 30); });
  static_cast<void>(SalvageTo(places.wal, {12}, places.output));
  const LogCheck check = Value(VerifyLog(Value(StoredHost::Open(places.output))));
  CHECK(check.damage.ok());
  CHECK(check.last == Lsn{12});
  CHECK(check.durable_recorded == Lsn{12});
}

TEST_CASE("Salvage refuses what is inside a batch, and names the ends beside it") {
  const Places places;
  RunHost(places.host, [](Host&, Counters& counters) {
    AddMany(counters, 5);
    AddBatch(counters, 3);
    AddMany(counters, 2);
  });
  for (std::uint64_t inside : {6, 7}) {
    const absl::Status refused = Refusal(places.host, {inside}, places.output);
    CHECK(absl::IsInvalidArgument(refused));
    CHECK(FaultOf(refused)->next == "name 8, where it ends, or 5 before it");
  }
  CHECK(Says(Refusal(places.host, {11}, places.output), "the last one that can be is 10"));
}

TEST_CASE("Hosts are kept out from the plan on, and salvage does not work beside one") {
  const Places places;
  RunHost(places.host, [&](Host&, Counters& counters) {
    AddMany(counters, 3);
    CHECK(absl::IsUnavailable(Refusal(places.host, {2}, places.output)));
    CHECK(absl::IsUnavailable(Refusal(places.wal, {2}, places.output)));
  });
  const StoredHost host = Value(StoredHost::Open(places.host));
  const Salvage salvage = Value(Salvage::Plan(host, {2}));
  Counters counters;
  CHECK(absl::IsUnavailable(
      Host::Open({.directory = places.host, .components = {&counters}}, {}).status()));
}

TEST_CASE("Salvage takes no place where something is, and leaves nothing where it is refused") {
  const Places places;
  RunHost(places.host, [](Host&, Counters& counters) { AddMany(counters, 3); });
  std::filesystem::create_directory(places.output);
  std::ofstream(places.output + "/mine") << "keep";
  CHECK(Says(Refusal(places.host, {2}, places.output), "not empty"));
  CHECK(Says(Refusal(places.host, {2}, places.host), "not empty"));
  CHECK(absl::IsInvalidArgument(Refusal(places.host, {2}, places.output + "/mine")));
  CHECK(Says(Refusal(places.host, {2}, places.output + "/."), "a name of its own"));
  CHECK(absl::IsNotFound(Refusal(places.host, {2}, places.directory.path() + "/nowhere/new")));
  CHECK_FALSE(std::filesystem::exists(places.output + ".partial"));
  std::filesystem::remove(places.output + "/mine");
  std::filesystem::create_directory(places.output + ".partial");
  CHECK(Says(Refusal(places.host, {2}, places.output), "interrupted"));
  std::filesystem::remove(places.output + ".partial");
  static_cast<void>(SalvageTo(places.host, {2}, places.output + "/"));
  CHECK(TotalAt(places.output) == 2);
}

}  // namespace
}  // namespace dr::test
