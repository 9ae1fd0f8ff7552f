// What is to be gone is waited for; what is to stay is looked at when something else that was given
// less time is gone.
#include <chrono>
#include <thread>

#include "dr/clock.h"
#include "dr/status_macros.h"
#include "src/testing/adapter/adapter_check.h"

namespace dr::inline v0 {
namespace {

using Code = absl::StatusCode;
constexpr absl::Duration kSoon = absl::Milliseconds(300);
constexpr absl::Duration kLater = absl::Minutes(10);

absl::Status AwaitNothing(const Trial& trial, std::string_view name) {
  const SystemClock clock;
  const Instant end = clock.Now() + std::chrono::seconds(10);
  for (;;) {
    auto found = trial.Get(name);
    if (!found.ok()) return ExpectCode(Code::kNotFound, found.status(), "Get");
    DR_RETURN_IF_ERROR(Expect(clock.Now() < end, "a value is there long after its ttl"));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

// Another value, put now and given `kSoon`, has come and gone.
absl::Status AwaitSoon(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.Put("companion", "x", {.ttl = kSoon}).status());
  return AwaitNothing(trial, "companion");
}

absl::Status IsThere(const Trial& trial) {
  DR_ASSIGN_OR_RETURN(Version put, trial.Put("a", "1", {.ttl = kLater}));
  DR_ASSIGN_OR_RETURN(Item item, trial.Get("a"));
  DR_RETURN_IF_ERROR(Expect(item.value == "1" && item.version == put, "it is another value"));
  return trial.ExpectNames("", {"a"});
}

absl::Status IsGone(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.Put("a", "1", {.ttl = kSoon}).status());
  return AwaitNothing(trial, "a");
}

absl::Status OfOneMillisecond(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.Put("a", "1", {.ttl = absl::Milliseconds(1)}).status());
  return AwaitNothing(trial, "a");
}

absl::Status IsNotListed(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.Put("a", "1", {.ttl = kSoon}).status());
  DR_RETURN_IF_ERROR(trial.Put("b", "2").status());
  DR_RETURN_IF_ERROR(AwaitNothing(trial, "a"));
  return trial.ExpectNames("", {"b"});
}

// A ttl that is taken in a smaller unit is over after a second of real time.
absl::Status LongerStays(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.Put("a", "1", {.ttl = kLater}).status());
  DR_RETURN_IF_ERROR(trial.Put("b", "2", {.ttl = absl::Hours(24 * 365)}).status());
  std::this_thread::sleep_for(std::chrono::seconds(1));
  DR_RETURN_IF_ERROR(trial.ExpectValue("a", "1"));
  return trial.ExpectValue("b", "2");
}

absl::Status PutTakesItAway(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.Put("a", "1", {.ttl = kSoon}).status());
  DR_RETURN_IF_ERROR(trial.Put("a", "2").status());
  DR_RETURN_IF_ERROR(AwaitSoon(trial));
  return trial.ExpectValue("a", "2");
}

absl::Status BatchTakesItAway(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.Put("a", "1", {.ttl = kSoon}).status());
  DR_RETURN_IF_ERROR(trial.PutEmpty({"a", "b"}));
  DR_RETURN_IF_ERROR(AwaitSoon(trial));
  return trial.ExpectNames("", {"a", "b"});
}

absl::Status PutRenews(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.Put("a", "1", {.ttl = kSoon}).status());
  DR_RETURN_IF_ERROR(trial.Put("a", "2", {.ttl = kLater}).status());
  DR_RETURN_IF_ERROR(AwaitSoon(trial));
  return trial.ExpectValue("a", "2");
}

absl::Status PutShortens(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.Put("a", "1", {.ttl = kLater}).status());
  DR_RETURN_IF_ERROR(trial.Put("a", "2", {.ttl = kSoon}).status());
  return AwaitNothing(trial, "a");
}

absl::Status GivesWay(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.Put("a", "1", {.ttl = kSoon}).status());
  DR_RETURN_IF_ERROR(AwaitNothing(trial, "a"));
  DR_RETURN_IF_ERROR(trial.Create("a", "2").status());
  return trial.ExpectValue("a", "2");
}

absl::Status BlocksCreation(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.Put("a", "1", {.ttl = kLater}).status());
  return ExpectCode(Code::kAlreadyExists, trial.Create("a", "2").status(), "Put if absent");
}

absl::Status CreatedExpires(const Trial& trial) {
  const PutOptions create = {.condition = PutCondition::kIfAbsent, .ttl = kSoon};
  DR_RETURN_IF_ERROR(trial.Put("a", "1", create).status());
  DR_RETURN_IF_ERROR(AwaitNothing(trial, "a"));
  return trial.Put("a", "2", create).status();
}

absl::Status ReplacedExpires(const Trial& trial) {
  DR_ASSIGN_OR_RETURN(Version version, trial.Put("a", "1"));
  DR_RETURN_IF_ERROR(
      trial.Put("a", "2", {.condition = PutCondition::kIfVersion, .version = version, .ttl = kSoon})
          .status());
  return AwaitNothing(trial, "a");
}

absl::Status NothingToReplace(const Trial& trial) {
  DR_ASSIGN_OR_RETURN(Version version, trial.Put("a", "1", {.ttl = kSoon}));
  DR_RETURN_IF_ERROR(AwaitNothing(trial, "a"));
  DR_RETURN_IF_ERROR(ExpectCode(Code::kNotFound, trial.Replace("a", "2", version).status(),
                                "Put if version, of what expired,"));
  return ExpectCode(Code::kNotFound, trial.Delete("a", {.if_version = version}),
                    "Delete if version, of what expired,");
}

absl::Status RefusalKeepsIt(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.Put("a", "1", {.ttl = kLater}).status());
  const PutOptions refused = {
      .condition = PutCondition::kIfVersion, .version = {"?"}, .ttl = kSoon};
  DR_RETURN_IF_ERROR(ExpectCode(Code::kAborted, trial.Put("a", "2", refused).status(), "Put"));
  DR_RETURN_IF_ERROR(AwaitSoon(trial));
  return trial.ExpectValue("a", "1");
}

absl::Status OfNothing(const Trial& trial) {
  for (absl::Duration ttl : {absl::ZeroDuration(), absl::Seconds(-1), -absl::InfiniteDuration()}) {
    DR_RETURN_IF_ERROR(
        ExpectCode(Code::kInvalidArgument, trial.Put("a", "1", {.ttl = ttl}).status(), "Put"));
  }
  return trial.ExpectNothing("a");
}

bool WithTtl(const Capabilities& can) { return can.ttl; }
bool WithTtlAndIfAbsent(const Capabilities& can) { return can.ttl && can.if_absent; }
bool WithTtlAndIfVersion(const Capabilities& can) { return can.ttl && can.if_version; }

constexpr AdapterCase kCases[] = {
    {"A value with a ttl is there like others", WithTtl, One<IsThere>},
    {"A value is gone after its ttl", WithTtl, One<IsGone>},
    {"A ttl of a millisecond is a ttl", WithTtl, One<OfOneMillisecond>},
    {"What is gone by its ttl is not listed", WithTtl, One<IsNotListed>},
    {"A value stays until its ttl", WithTtl, One<LongerStays>},
    {"A put without a ttl takes the old one away", WithTtl, One<PutTakesItAway>},
    {"A batch takes old ttls away", WithTtl, One<BatchTakesItAway>},
    {"A put with a longer ttl renews it", WithTtl, One<PutRenews>},
    {"A put with a shorter ttl shortens it", WithTtl, One<PutShortens>},
    {"What is gone by its ttl may be created again", WithTtlAndIfAbsent, One<GivesWay>},
    {"What has a ttl is there for a creation", WithTtlAndIfAbsent, One<BlocksCreation>},
    {"A creation may have a ttl", WithTtlAndIfAbsent, One<CreatedExpires>},
    {"A replacement may have a ttl", WithTtlAndIfVersion, One<ReplacedExpires>},
    {"What is gone by its ttl is not replaced", WithTtlAndIfVersion, One<NothingToReplace>},
    {"A put that is refused leaves the ttl as it was", WithTtlAndIfVersion, One<RefusalKeepsIt>},
    {"A ttl of nothing is refused", WithTtl, One<OfNothing>},
};

}  // namespace

std::span<const AdapterCase> TtlCases() { return kCases; }

}  // namespace dr::inline v0
