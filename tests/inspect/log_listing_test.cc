#include "dr/inspect/log_listing.h"

#include <numeric>

#include "tests/inspect/stored_host_fixture.h"

namespace dr::test {
namespace {

std::vector<std::uint64_t> Listed(const std::string& path, const LogSelection& selection = {},
                                  absl::Status* ended = nullptr) {
  std::vector<std::uint64_t> lsns;
  const absl::Status status =
      ListLog(Value(StoredHost::Open(path)), selection,
              [&](const RecordView& record) { lsns.push_back(record.lsn.value); });
  if (ended != nullptr) {
    *ended = status;
  } else {
    REQUIRE_OK(status);
  }
  return lsns;
}

std::vector<std::uint64_t> Range(std::uint64_t from, std::uint64_t to) {
  std::vector<std::uint64_t> all(to - from + 1);
  std::iota(all.begin(), all.end(), from);
  return all;
}

TEST_CASE("Operations are listed once, in order, as they were selected") {
  const Places places;
  RunHost(places.host, [](Host&, Counters& counters) {
    AddMany(counters, 9);
    REQUIRE_OK(counters.Add("task", {.kind = OperationKind::kTask, .subject = "alice"}));
  });
  CHECK(Listed(places.host) == Range(1, 10));
  CHECK(Listed(places.wal) == Range(1, 10));
  CHECK(Listed(places.host, {.from = {3}, .to = {5}}) == Range(3, 5));
  CHECK(Listed(places.host, {.component = "counters"}) == Range(1, 10));
  CHECK(Listed(places.host, {.component = "other"}).empty());
  CHECK(Listed(places.host, {.kind = OperationKind::kTask}) == Range(10, 10));
  CHECK(Listed(places.host, {.from = {1000}}).empty());
}

TEST_CASE("A range that ends before it begins is refused") {
  const Places places;
  RunHost(places.host, [](Host&, Counters& counters) { AddMany(counters, 1); });
  absl::Status ended;
  CHECK(Listed(places.host, {.from = {5}, .to = {3}}, &ended).empty());
  CHECK(absl::IsInvalidArgument(ended));
}

TEST_CASE("A damaged log is listed up to the damage, which is an error if it was selected") {
  const Places places;
  RunHost(places.host, [](Host& host, Counters& counters) {
    AddMany(counters, 30);
    REQUIRE_OK(host.Shutdown());
  });
  static_cast<void>(places.Damage({21}));
  absl::Status ended;
  CHECK(Listed(places.host, {}, &ended) == Range(1, 20));
  CHECK(absl::IsDataLoss(ended));
  CHECK(Listed(places.host, {.from = {15}, .to = {20}}) == Range(15, 20));
  CHECK(Listed(places.host, {.from = {25}}, &ended).empty());
  CHECK(absl::IsDataLoss(ended));
}

TEST_CASE("A trimmed log is listed from where it begins") {
  const Places places;
  RunHost(places.host, [](Host& host, Counters& counters) {
    for (int operations : {40, 20, 20}) {
      AddMany(counters, operations);
      REQUIRE_OK(host.Checkpoint());
    }
    AddMany(counters, 2);
  });
  const std::vector<std::uint64_t> lsns = Listed(places.host);
  REQUIRE_FALSE(lsns.empty());
  CHECK(lsns.front() > 1);
  CHECK(lsns.front() <= 61);
  CHECK(lsns == Range(lsns.front(), 82));
}

TEST_CASE("Each kind of operation has a name that leads back to it") {
  for (int number = 0; number <= 5; ++number) {
    const auto kind = static_cast<OperationKind>(number);
    CHECK(OperationKindOf(NameOf(kind)) == kind);
  }
  CHECK(NameOf(OperationKind::kCallResult) == "call_result");
  CHECK(NameOf(static_cast<OperationKind>(6)) == "unknown");
  CHECK_FALSE(OperationKindOf("unknown").has_value());
}

}  // namespace
}  // namespace dr::test
