#include "src/component/component_set.h"

#include <catch2/catch.hpp>

#include "dr/status.h"
#include "tests/component/scripted_component.h"
#include "tests/support/status.h"

namespace dr::test {
namespace {

using Components = std::vector<StatefulComponent*>;

class Named : public Scripted {
 public:
  explicit Named(Schema schema) : Scripted("x"), schema_(std::move(schema)) {}
  Schema schema_;
};

RecordView Record(std::uint64_t lsn, std::string_view component, std::uint32_t version = 1) {
  return {.lsn = {lsn},
          .component = component,
          .schema_name = "scripted",
          .schema_version = version,
          .payload = "old"};
}

TEST_CASE("A component is in a set under an id of its own, once, in one set of its life") {
  Scripted a("a"), b("b"), second_a("a"), nameless(""), long_name(std::string(129, 'x')),
      without_version("c", 0);
  CHECK(absl::IsInvalidArgument(ComponentSet::Claim({&b, nullptr}, {}).status()));
  Scripted fresh("b");
  for (Scripted* refused : {&second_a, &nameless, &long_name, &without_version}) {
    Scripted first("a");
    const absl::Status status = ComponentSet::Claim({&first, refused}, {}).status();
    INFO(status.ToString());
    CHECK(absl::IsInvalidArgument(status));
  }
  const ComponentSet set = Value(ComponentSet::Claim({&fresh, &a}, {}));
  const std::vector<ComponentCore*> all = set.All();
  REQUIRE(all.size() == 2);
  CHECK(all[0]->id() == "a");  // in the order of ids
  CHECK(all[1] == &ComponentCore::Of(fresh));
  CHECK(set.Find("b") == all[1]);
  CHECK(set.Find("c") == nullptr);
  CHECK(IsFault(ComponentSet::Claim({&a}, {}).status(), FaultKind::kUsage));
}

TEST_CASE("State of a component that is not there is refused by name, or given up by name") {
  Scripted a("a");
  const ComponentSet set = Value(ComponentSet::Claim({&a}, {"gone"}));
  CHECK(Value(set.OwnerOf("a", {1})) == &ComponentCore::Of(a));
  CHECK(Value(set.OwnerOf("gone", {1})) == nullptr);
  const absl::Status missing = set.OwnerOf("missing", {7}).status();
  CHECK(absl::IsFailedPrecondition(missing));
  CHECK(FaultOf(missing)->place == "missing");
  CHECK(FaultOf(missing)->lsn == Lsn{7});
  CHECK(Value(set.Replay(Record(1, "gone"))) == false);
  CHECK(set.Replay(Record(1, "missing")).status() == set.OwnerOf("missing", {1}).status());
}

TEST_CASE("A record is replayed by the component that lacks it, once") {
  Scripted a("a");
  const ComponentSet set = Value(ComponentSet::Claim({&a}, {}));
  CHECK(Value(set.Replay(Record(3, "a"))));
  CHECK_FALSE(Value(set.Replay(Record(3, "a"))));
  CHECK_FALSE(Value(set.Replay(Record(2, "a"))));
  RecordView marker = Record(4, "a");
  marker.kind = OperationKind::kMarker;
  CHECK_FALSE(Value(set.Replay(marker)));
  CHECK(a.payloads == std::vector<std::string>{"old"});
  CHECK(ComponentCore::Of(a).applied() == Lsn{3});
}

TEST_CASE("Records of an older version are upgraded on their way, and others are refused") {
  Scripted a("a", 2);
  a.on_upgrades = [](SchemaUpgrades& upgrades) {
    if (absl::Status s =
            upgrades.AddStateUpgrade("scripted", 1,
                                     [](std::string_view record, StateWriter& out) {
                                       return out.Write(std::string(record) + " state in v2");
                                     });
        !s.ok()) {
      return s;
    }
    return upgrades.AddOperationUpgrade("scripted", 1, [](std::string_view op) {
      return absl::StatusOr<std::string>(std::string(op) + " operation in v2");
    });
  };
  const ComponentSet set = Value(ComponentSet::Claim({&a}, {}));
  const ComponentCore& core = ComponentCore::Of(a);
  auto upgraded = Value(set.Upgrade(std::make_unique<Records>(std::vector<std::string>{"old"}),
                                    {.name = "scripted", .version = 1}, core));
  CHECK(Value(upgraded->Next()) == "old state in v2");
  CHECK(Value(set.Replay(Record(1, "a", 1))));
  CHECK(Value(set.Replay(Record(2, "a", 2))));
  CHECK(a.payloads == std::vector<std::string>{"old operation in v2", "old"});
  CHECK(absl::IsUnimplemented(set.Replay(Record(3, "a", 3)).status()));
  CHECK(absl::IsUnimplemented(
      set.Upgrade(std::make_unique<Records>(), {.name = "scripted", .version = 3}, core).status()));
  RecordView foreign = Record(3, "a");
  foreign.schema_name = "foreign";
  CHECK(absl::IsUnimplemented(set.Replay(foreign).status()));
  CHECK(absl::IsUnimplemented(
      set.Upgrade(std::make_unique<Records>(), {.name = "foreign", .version = 2}, core).status()));
  CHECK(core.applied() == Lsn{2});
}

TEST_CASE("A set that is cleared has the state of new instances") {
  Scripted a("a"), b("b");
  const ComponentSet set = Value(ComponentSet::Claim({&a, &b}, {}));
  REQUIRE_OK(set.Replay(Record(1, "a")));
  REQUIRE_OK(set.Clear());
  CHECK(a.payloads.empty());
  CHECK(ComponentCore::Of(a).applied() == Lsn{});
  CHECK(Value(set.Replay(Record(1, "a"))));
}

TEST_CASE("A set keeps what stands behind a component that is destroyed before it") {
  ComponentSet set;
  {
    Scripted a("a");
    set = Value(ComponentSet::Claim({&a}, {}));
  }
  REQUIRE(set.Find("a") != nullptr);
  CHECK(set.Find("a")->id() == "a");
}

}  // namespace
}  // namespace dr::test
