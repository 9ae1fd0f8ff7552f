#include "dr/status_macros.h"
#include "src/testing/adapter/adapter_check.h"

namespace dr::inline v0 {
namespace {

using Code = absl::StatusCode;

absl::Status IsGone(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.Put("gone/soon", "1").status());
  DR_RETURN_IF_ERROR(trial.Delete("gone/soon"));
  DR_RETURN_IF_ERROR(trial.ExpectNothing("gone/soon"));
  return trial.ExpectNames("", {});
}

absl::Status Again(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.Put("a", "1").status());
  for (int i = 0; i < 3; ++i) DR_RETURN_IF_ERROR(trial.Delete("a"));
  DR_RETURN_IF_ERROR(trial.Delete("never"));
  return trial.Delete("never/was");
}

absl::Status OnlyItsKey(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.PutEmpty({"a", "a/", "a/b", "a/b/c", "aa", "A"}));
  DR_RETURN_IF_ERROR(trial.Delete("a"));
  DR_RETURN_IF_ERROR(trial.Delete("a/b"));
  return trial.ExpectNames("", {"A", "a/", "a/b/c", "aa"});
}

absl::Status PutAgain(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.Put("a", "long before").status());
  DR_RETURN_IF_ERROR(trial.Delete("a"));
  DR_RETURN_IF_ERROR(trial.Put("a", "new").status());
  return trial.ExpectValue("a", "new");
}

absl::Status ByVersion(const Trial& trial) {
  DR_ASSIGN_OR_RETURN(Version version, trial.Put("a", "1"));
  DR_RETURN_IF_ERROR(trial.Delete("a", {.if_version = version}));
  return trial.ExpectNothing("a");
}

absl::Status ByVersionOfOthers(const Trial& first, const Trial& second) {
  DR_RETURN_IF_ERROR(first.Put("a", "1").status());
  DR_ASSIGN_OR_RETURN(Item read, second.Get("a"));
  DR_RETURN_IF_ERROR(second.Delete("a", {.if_version = read.version}));
  return first.ExpectNothing("a");
}

absl::Status RefusesStale(const Trial& trial) {
  DR_ASSIGN_OR_RETURN(Version first, trial.Put("a", "1"));
  DR_ASSIGN_OR_RETURN(Version second, trial.Put("a", "2"));
  DR_RETURN_IF_ERROR(ExpectCode(Code::kAborted, trial.Delete("a", {.if_version = first}),
                                "Delete of a version that was replaced"));
  DR_RETURN_IF_ERROR(trial.ExpectValue("a", "2"));
  // The refusal changed nothing, the version neither.
  return trial.Delete("a", {.if_version = second});
}

absl::Status RefusesForeign(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.Put("a", "same").status());
  DR_ASSIGN_OR_RETURN(Version other, trial.Put("b", "same"));
  for (const Version& version : {other, Version{}, Version{"*"}, Version{"0"}}) {
    DR_RETURN_IF_ERROR(ExpectCode(Code::kAborted, trial.Delete("a", {.if_version = version}),
                                  "Delete of another version"));
  }
  return trial.ExpectValue("a", "same");
}

absl::Status RefusesRecreated(const Trial& trial) {
  DR_ASSIGN_OR_RETURN(Version before, trial.Put("a", "1"));
  DR_RETURN_IF_ERROR(trial.Delete("a", {.if_version = before}));
  DR_RETURN_IF_ERROR(trial.Put("a", "1").status());
  DR_RETURN_IF_ERROR(ExpectCode(Code::kAborted, trial.Delete("a", {.if_version = before}),
                                "Delete of a version from before"));
  return trial.ExpectValue("a", "1");
}

absl::Status NothingToDelete(const Trial& trial) {
  DR_ASSIGN_OR_RETURN(Version version, trial.Put("a", "1"));
  DR_RETURN_IF_ERROR(trial.Delete("a", {.if_version = version}));
  for (std::string_view name : {"a", "never", "never/was"}) {
    DR_RETURN_IF_ERROR(ExpectCode(Code::kNotFound, trial.Delete(name, {.if_version = version}),
                                  "Delete if version, of nothing,"));
  }
  return absl::OkStatus();
}

absl::Status Many(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.PutEmpty({"a", "b/1", "b/2", "b/c/3", "d", "e"}));
  DR_RETURN_IF_ERROR(trial.DeleteMany({"e", "b/c/3", "a", "b/1"}));
  for (std::string_view name : {"e", "b/c/3", "a", "b/1"}) {
    DR_RETURN_IF_ERROR(trial.ExpectNothing(name));
  }
  return trial.ExpectNames("", {"b/2", "d"});
}

absl::Status ManyMissing(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.PutEmpty({"a", "b", "c"}));
  DR_RETURN_IF_ERROR(trial.DeleteMany({"never", "a", "never/was", "c", "z"}));
  DR_RETURN_IF_ERROR(trial.ExpectNames("", {"b"}));
  DR_RETURN_IF_ERROR(trial.DeleteMany({"a", "c"}));
  return trial.ExpectNames("", {"b"});
}

absl::Status ManyOfNothing(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.PutEmpty({"a"}));
  DR_RETURN_IF_ERROR(trial.DeleteMany({}));
  return trial.ExpectNames("", {"a"});
}

absl::Status ManyTwice(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.PutEmpty({"a", "b", "c"}));
  DR_RETURN_IF_ERROR(trial.DeleteMany({"a", "b", "a", "a", "b"}));
  return trial.ExpectNames("", {"c"});
}

absl::Status ManyOnlyTheirKeys(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.PutEmpty({"a", "a/", "a/b", "a/b/c", "aa", "A", "b", "b/c", "%"}));
  DR_RETURN_IF_ERROR(trial.DeleteMany({"a", "a/b", "b", "*", "_"}));
  return trial.ExpectNames("", {"%", "A", "a/", "a/b/c", "aa", "b/c"});
}

absl::Status ManyPutAgain(const Trial& first, const Trial& second) {
  DR_RETURN_IF_ERROR(first.PutEmpty({"a", "b"}));
  DR_RETURN_IF_ERROR(second.DeleteMany({"a", "b"}));
  DR_RETURN_IF_ERROR(first.ExpectNames("", {}));
  DR_RETURN_IF_ERROR(first.Put("a", "new").status());
  return second.ExpectValue("a", "new");
}

constexpr AdapterCase kCases[] = {
    {"What was deleted is gone", Always, One<IsGone>},
    {"What is not there may be deleted", Always, One<Again>},
    {"A deletion takes one key and nothing beneath it", Always, One<OnlyItsKey>},
    {"What was deleted may be put again", Always, One<PutAgain>},
    {"Many are deleted at once, and no others", Always, One<Many>},
    {"Of many that are deleted some may be missing", Always, One<ManyMissing>},
    {"A deletion of none takes none", Always, One<ManyOfNothing>},
    {"A key may be deleted twice at once", Always, One<ManyTwice>},
    {"A deletion of many takes those keys and nothing beneath them", Always,
     One<ManyOnlyTheirKeys>},
    {"Many that one client deleted are gone for another", Always, Two<ManyPutAgain>},
    {"A value is deleted by who knows its version", WithIfVersion, One<ByVersion>},
    {"A value is deleted by the version that another client read", WithIfVersion,
     Two<ByVersionOfOthers>},
    {"A version that was replaced is not deleted", WithIfVersion, One<RefusesStale>},
    {"A deletion by another key's version, or one made up, is refused", WithIfVersion,
     One<RefusesForeign>},
    {"P21: A deletion by a version from before a deletion is refused", WithIfVersion,
     One<RefusesRecreated>},
    {"A deletion by version of what is not there says so", WithIfVersion, One<NothingToDelete>},
};

}  // namespace

std::span<const AdapterCase> DeletionCases() { return kCases; }

}  // namespace dr::inline v0
