#include "dr/schema_upgrades.h"

#include <catch2/catch.hpp>
#include <deque>
#include <stdexcept>

#include "dr/status.h"

namespace dr {
namespace {

class Given final : public StateReader {
 public:
  explicit Given(std::deque<std::string> records, absl::Status end = absl::OkStatus())
      : records_(std::move(records)), end_(std::move(end)) {}
  absl::StatusOr<std::optional<std::string_view>> Next() override {
    if (records_.empty()) {
      if (!end_.ok()) return end_;
      return std::nullopt;
    }
    current_ = std::move(records_.front());
    records_.pop_front();
    return std::optional<std::string_view>(current_);
  }

 private:
  std::deque<std::string> records_;
  absl::Status end_;
  std::string current_;
};

using Records = std::vector<std::string>;

absl::StatusOr<Records> ReadAll(absl::StatusOr<std::unique_ptr<StateReader>> in) {
  if (!in.ok()) return in.status();
  Records records;
  for (;;) {
    auto record = (*in)->Next();
    if (!record.ok()) return record.status();
    if (!*record) return records;
    records.emplace_back(**record);
  }
}

auto From(std::deque<std::string> records, absl::Status end = absl::OkStatus()) {
  return std::make_unique<Given>(std::move(records), std::move(end));
}

StateUpgrade Append(std::string what) {
  return [=](std::string_view record, StateWriter& out) {
    return out.Write(std::string(record) + what);
  };
}

TEST_CASE("State is upgraded one version after the other, record by record") {
  SchemaUpgrades registry;
  REQUIRE(registry.AddStateUpgrade("s", 1, Append(">2")).ok());
  REQUIRE(registry.AddStateUpgrade("s", 2, Append(">3")).ok());
  CHECK(*ReadAll(registry.UpgradeState(From({"a", "b"}), "s", 1, 3)) == Records{"a>2>3", "b>2>3"});
  CHECK(*ReadAll(registry.UpgradeState(From({"a"}), "s", 2, 3)) == Records{"a>3"});
  CHECK(*ReadAll(registry.UpgradeState(From({"a"}), "s", 3, 3)) == Records{"a"});
  CHECK(*ReadAll(registry.UpgradeState(From({"a"}), "s", 1, 2)) == Records{"a>2"});
}

TEST_CASE("One record may become none, one or many") {
  SchemaUpgrades registry;
  REQUIRE(registry
              .AddStateUpgrade("s", 1,
                               [](std::string_view record, StateWriter& out) {
                                 for (char c : record) {
                                   if (auto s = out.Write(std::string(1, c)); !s.ok()) return s;
                                 }
                                 return absl::OkStatus();
                               })
              .ok());
  REQUIRE(registry.AddStateUpgrade("s", 2, Append("!")).ok());
  CHECK(*ReadAll(registry.UpgradeState(From({"", "ab", "", "c", ""}), "s", 1, 3)) ==
        Records{"a!", "b!", "c!"});
}

TEST_CASE("The end of damaged state is an error, behind upgrades too") {
  SchemaUpgrades registry;
  REQUIRE(registry.AddStateUpgrade("s", 1, Append("")).ok());
  CHECK(absl::IsDataLoss(
      ReadAll(registry.UpgradeState(From({"a"}, absl::DataLossError("rot")), "s", 1, 2)).status()));
}

TEST_CASE("Operations are upgraded one version after the other") {
  SchemaUpgrades registry;
  const auto append = [](std::string what) {
    return
        [=](std::string_view op) -> absl::StatusOr<std::string> { return std::string(op) + what; };
  };
  REQUIRE(registry.AddOperationUpgrade("s", 1, append(">2")).ok());
  REQUIRE(registry.AddOperationUpgrade("s", 2, append(">3")).ok());
  CHECK(*registry.UpgradeOperation("a", "s", 1, 3) == "a>2>3");
  CHECK(*registry.UpgradeOperation("a", "s", 3, 3) == "a");
}

TEST_CASE("C18: A missing step is named, and so is a version newer than the program") {
  SchemaUpgrades registry;
  REQUIRE(registry.AddStateUpgrade("s", 1, Append("")).ok());
  REQUIRE(registry.AddStateUpgrade("s", 3, Append("")).ok());
  CHECK(registry.CheckState("s", 1, 2).ok());
  CHECK(registry.CheckState("s", 7, 7).ok());
  const absl::Status gap = registry.CheckState("s", 1, 4);
  CHECK(absl::IsUnimplemented(gap));
  CHECK_THAT(gap.ToString(), Catch::Contains("'s'") && Catch::Contains("from version 2 to 3"));
  const absl::Status newer = registry.CheckState("s", 5, 4);
  CHECK(absl::IsUnimplemented(newer));
  CHECK_THAT(newer.ToString(), Catch::Contains("version 5") && Catch::Contains("version 4"));
  // Of operations, and of other schemas, nothing was said.
  CHECK(absl::IsUnimplemented(registry.CheckOperation("s", 1, 2)));
  CHECK(absl::IsUnimplemented(registry.CheckState("t", 1, 2)));
  CHECK(absl::IsUnimplemented(registry.UpgradeState(From({}), "s", 1, 4).status()));
  CHECK(absl::IsUnimplemented(registry.UpgradeOperation("a", "s", 1, 2).status()));
}

TEST_CASE("A step is registered once") {
  SchemaUpgrades registry;
  const OperationUpgrade same = [](std::string_view op) { return std::string(op); };
  REQUIRE(registry.AddStateUpgrade("s", 1, Append("1")).ok());
  REQUIRE(registry.AddOperationUpgrade("s", 1, same).ok());
  CHECK(absl::IsAlreadyExists(registry.AddStateUpgrade("s", 1, Append("2"))));
  CHECK(absl::IsAlreadyExists(registry.AddOperationUpgrade("s", 1, same)));
  CHECK(*ReadAll(registry.UpgradeState(From({"a"}), "s", 1, 2)) == Records{"a1"});
}

TEST_CASE("B5: A step that fails or throws ends the reading, by name") {
  SchemaUpgrades registry;
  REQUIRE(registry
              .AddStateUpgrade("s", 1,
                               [](std::string_view, StateWriter&) -> absl::Status {
                                 throw std::runtime_error("bad day");
                               })
              .ok());
  REQUIRE(registry
              .AddStateUpgrade("s", 2,
                               [](std::string_view, StateWriter&) {
                                 return absl::DataLossError("cannot be read");
                               })
              .ok());
  REQUIRE(registry
              .AddOperationUpgrade("s", 1,
                                   [](std::string_view) -> absl::StatusOr<std::string> { throw 7; })
              .ok());
  const absl::Status threw = ReadAll(registry.UpgradeState(From({"a"}), "s", 1, 2)).status();
  CHECK(absl::IsInternal(threw));
  CHECK_THAT(threw.ToString(), Catch::Contains("'s'") && Catch::Contains("bad day"));
  CHECK(absl::IsDataLoss(ReadAll(registry.UpgradeState(From({"a"}), "s", 2, 3)).status()));
  CHECK(absl::IsInternal(registry.UpgradeOperation("a", "s", 1, 2).status()));
}

}  // namespace
}  // namespace dr
