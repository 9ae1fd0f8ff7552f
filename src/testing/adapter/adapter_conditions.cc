#include <set>
#include <string>

#include "dr/status_macros.h"
#include "src/testing/adapter/adapter_check.h"

namespace dr::inline v0 {
namespace {

using Code = absl::StatusCode;

absl::Status ExpectRefused(const Trial& trial, std::string_view name, const Version& version,
                           std::string_view what) {
  return ExpectCode(Code::kAborted, trial.Replace(name, "x", version).status(),
                    fmt::format("Put if version, of {},", what));
}

absl::Status CreatesOnce(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.Create("once", "first").status());
  DR_RETURN_IF_ERROR(
      ExpectCode(Code::kAlreadyExists, trial.Create("once", "second").status(), "Put if absent"));
  return trial.ExpectValue("once", "first");
}

absl::Status RefusalKeepsVersion(const Trial& trial) {
  DR_ASSIGN_OR_RETURN(Version put, trial.Create("a", "same"));
  DR_RETURN_IF_ERROR(
      ExpectCode(Code::kAlreadyExists, trial.Create("a", "same").status(), "Put if absent"));
  DR_ASSIGN_OR_RETURN(Item item, trial.Get("a"));
  return Expect(item.version == put, "a creation that was refused changed the version");
}

absl::Status EmptyIsPresent(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.Create("empty", "").status());
  DR_RETURN_IF_ERROR(
      ExpectCode(Code::kAlreadyExists, trial.Create("empty", "x").status(), "Put if absent"));
  return trial.ExpectValue("empty", "");
}

absl::Status CreatesAgain(const Trial& trial) {
  for (std::string_view value : {"1", "2", "3"}) {
    DR_RETURN_IF_ERROR(trial.Create("a", value).status());
    DR_RETURN_IF_ERROR(trial.ExpectValue("a", value));
    DR_RETURN_IF_ERROR(trial.Delete("a"));
  }
  return trial.ExpectNothing("a");
}

absl::Status CreationSeesPuts(const Trial& first, const Trial& second) {
  DR_RETURN_IF_ERROR(first.Put("a", "1").status());
  DR_RETURN_IF_ERROR(
      ExpectCode(Code::kAlreadyExists, second.Create("a", "2").status(), "Put if absent"));
  DR_RETURN_IF_ERROR(first.Delete("a"));
  DR_RETURN_IF_ERROR(second.Create("a", "3").status());
  return first.ExpectValue("a", "3");
}

absl::Status CreatesBesideOthers(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.PutEmpty({"a/b", "A", "a ", "a/"}));
  DR_RETURN_IF_ERROR(trial.Create("a", "1").status());
  return trial.ExpectValue("a", "1");
}

absl::Status ReplacesCurrent(const Trial& trial) {
  DR_ASSIGN_OR_RETURN(Version version, trial.Put("a", "0"));
  for (int i = 1; i <= 5; ++i) {
    const std::string value = fmt::format("{}", i);
    DR_ASSIGN_OR_RETURN(version, trial.Replace("a", value, version));
    DR_RETURN_IF_ERROR(trial.ExpectValue("a", value));
  }
  return absl::OkStatus();
}

absl::Status VersionOfGet(const Trial& first, const Trial& second) {
  DR_RETURN_IF_ERROR(first.Put("a", "1").status());
  DR_ASSIGN_OR_RETURN(Item read, second.Get("a"));
  DR_RETURN_IF_ERROR(first.Replace("a", "2", read.version).status());
  DR_ASSIGN_OR_RETURN(read, first.Get("a"));
  DR_RETURN_IF_ERROR(second.Replace("a", "3", read.version).status());
  return first.ExpectValue("a", "3");
}

absl::Status RefusesStale(const Trial& trial) {
  DR_ASSIGN_OR_RETURN(Version first, trial.Put("a", "1"));
  DR_ASSIGN_OR_RETURN(Version second, trial.Replace("a", "2", first));
  DR_RETURN_IF_ERROR(ExpectRefused(trial, "a", first, "a version that was replaced"));
  DR_RETURN_IF_ERROR(trial.ExpectValue("a", "2"));
  // A refusal changes nothing, the version neither.
  return trial.Replace("a", "3", second).status();
}

absl::Status RefusesEqualBytes(const Trial& trial) {
  DR_ASSIGN_OR_RETURN(Version first, trial.Put("a", "1"));
  DR_ASSIGN_OR_RETURN(Version second, trial.Put("a", "2"));
  DR_RETURN_IF_ERROR(trial.Replace("a", "1", second).status());
  return ExpectRefused(trial, "a", first, "a version whose bytes are there again");
}

absl::Status RefusesForeign(const Trial& trial) {
  DR_ASSIGN_OR_RETURN(Version a, trial.Put("a", "same"));
  DR_ASSIGN_OR_RETURN(Version b, trial.Put("b", "same"));
  DR_RETURN_IF_ERROR(ExpectRefused(trial, "a", b, "another key's version"));
  DR_RETURN_IF_ERROR(ExpectRefused(trial, "b", a, "another key's version"));
  DR_RETURN_IF_ERROR(trial.ExpectValue("a", "same"));
  return trial.ExpectValue("b", "same");
}

absl::Status RefusesMadeUp(const Trial& trial) {
  DR_ASSIGN_OR_RETURN(Version put, trial.Put("a", "1"));
  const std::string longer = put.value + "0", shorter = put.value.substr(0, put.value.size() / 2);
  for (const std::string& value :
       {std::string(), std::string("?"), std::string("0"), std::string("*"), std::string("\"\""),
        std::string("' OR 1=1 --"), std::string("\0\r\n\xff", 4), std::string(300, 'v'), longer,
        shorter}) {
    DR_RETURN_IF_ERROR(ExpectRefused(trial, "a", {value}, fmt::format("{:?}", value)));
  }
  return trial.ExpectValue("a", "1");
}

absl::Status RefusesAfterPut(const Trial& first, const Trial& second) {
  DR_ASSIGN_OR_RETURN(Version mine, first.Put("a", "1"));
  DR_RETURN_IF_ERROR(second.Put("a", "2").status());
  DR_RETURN_IF_ERROR(ExpectRefused(first, "a", mine, "a version that another client replaced"));
  return first.ExpectValue("a", "2");
}

absl::Status NothingToReplace(const Trial& trial) {
  DR_ASSIGN_OR_RETURN(Version version, trial.Put("a", "1"));
  const auto refused = [&](std::string_view name) {
    return ExpectCode(Code::kNotFound, trial.Replace(name, "x", version).status(),
                      "Put if version, of nothing,");
  };
  DR_RETURN_IF_ERROR(refused("never"));
  DR_RETURN_IF_ERROR(trial.Delete("a"));
  DR_RETURN_IF_ERROR(refused("a"));
  return trial.ExpectNames("", {});
}

absl::Status RefusesBeforeDelete(const Trial& trial) {
  DR_ASSIGN_OR_RETURN(Version before, trial.Put("a", "1"));
  DR_RETURN_IF_ERROR(trial.Delete("a"));
  DR_RETURN_IF_ERROR(trial.Put("a", "1").status());
  DR_RETURN_IF_ERROR(ExpectRefused(trial, "a", before, "a value that was deleted and put again"));
  return trial.ExpectValue("a", "1");
}

absl::Status NeverRecur(const Trial& trial) {
  std::set<std::string> versions;
  for (int i = 0; i < 60; ++i) {
    DR_ASSIGN_OR_RETURN(Version version, trial.Put("a", "same"));
    DR_RETURN_IF_ERROR(Expect(versions.insert(version.value).second,
                              fmt::format("put {} has the version of an earlier one", i)));
    if (i % 3 == 0) DR_RETURN_IF_ERROR(trial.Delete("a"));
  }
  return absl::OkStatus();
}

absl::Status CreatedHasVersion(const Trial& trial) {
  DR_ASSIGN_OR_RETURN(Version created, trial.Create("a", "1"));
  DR_ASSIGN_OR_RETURN(Version replaced, trial.Replace("a", "2", created));
  DR_RETURN_IF_ERROR(Expect(created != replaced, "a replacement kept the version"));
  return ExpectRefused(trial, "a", created, "a version that was replaced");
}

absl::Status ExpectUndeclared(const Trial& trial, const PutOptions& options) {
  DR_RETURN_IF_ERROR(ExpectCode(Code::kUnimplemented, trial.Put("a", "x", options).status(),
                                "Put with what is not declared"));
  return trial.ExpectNothing("a");
}

absl::Status UndeclaredTtl(const Trial& trial) {
  return ExpectUndeclared(trial, {.ttl = absl::Hours(1)});
}
absl::Status UndeclaredIfAbsent(const Trial& trial) {
  return ExpectUndeclared(trial, {.condition = PutCondition::kIfAbsent});
}
absl::Status UndeclaredIfVersion(const Trial& trial) {
  DR_RETURN_IF_ERROR(
      ExpectUndeclared(trial, {.condition = PutCondition::kIfVersion, .version = {"1"}}));
  DR_ASSIGN_OR_RETURN(Version version, trial.Put("b", "1"));
  DR_RETURN_IF_ERROR(ExpectCode(Code::kUnimplemented, trial.Delete("b", {.if_version = version}),
                                "Delete with what is not declared"));
  return trial.ExpectValue("b", "1");
}

bool WithoutTtl(const Capabilities& can) { return !can.ttl; }
bool WithoutIfAbsent(const Capabilities& can) { return !can.if_absent; }
bool WithoutIfVersion(const Capabilities& can) { return !can.if_version; }

constexpr AdapterCase kCases[] = {
    {"A key is created once", WithIfAbsent, One<CreatesOnce>},
    {"A creation that is refused keeps value and version", WithIfAbsent, One<RefusalKeepsVersion>},
    {"A value of no bytes is there for a creation", WithIfAbsent, One<EmptyIsPresent>},
    {"A key is created, deleted and created again", WithIfAbsent, One<CreatesAgain>},
    {"A creation sees what another client put and deleted", WithIfAbsent, Two<CreationSeesPuts>},
    {"A creation sees no key but its own", WithIfAbsent, One<CreatesBesideOthers>},
    {"A value is replaced by who knows its version", WithIfVersion, One<ReplacesCurrent>},
    {"A version may have been read by another client", WithIfVersion, Two<VersionOfGet>},
    {"A created value has a version like others", WithBoth, One<CreatedHasVersion>},
    {"A version that was replaced is refused", WithIfVersion, One<RefusesStale>},
    {"P21: A version is not that of the same bytes put again", WithIfVersion,
     One<RefusesEqualBytes>},
    {"P21: A version of another key is refused", WithIfVersion, One<RefusesForeign>},
    {"A version that was made up is refused", WithIfVersion, One<RefusesMadeUp>},
    {"A version is stale once another client has put", WithIfVersion, Two<RefusesAfterPut>},
    {"What is not there is not replaced", WithIfVersion, One<NothingToReplace>},
    {"P21: A version from before a deletion is refused", WithIfVersion, One<RefusesBeforeDelete>},
    {"P21: Versions never recur, over deletions neither", Always, One<NeverRecur>},
    {"A ttl is refused where it is not declared", WithoutTtl, One<UndeclaredTtl>},
    {"A creation is refused where it is not declared", WithoutIfAbsent, One<UndeclaredIfAbsent>},
    {"A version is refused where it is not declared", WithoutIfVersion, One<UndeclaredIfVersion>},
};

}  // namespace

std::span<const AdapterCase> ConditionCases() { return kCases; }

}  // namespace dr::inline v0
