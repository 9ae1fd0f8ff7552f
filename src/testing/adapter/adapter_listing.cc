#include <algorithm>
#include <string>
#include <vector>

#include "dr/status_macros.h"
#include "src/testing/adapter/adapter_check.h"

namespace dr::inline v0 {
namespace {

using Names = std::vector<std::string>;
constexpr int kMany = 1'100;  // two pages

std::string Numbered(int i) { return fmt::format("n{:05}", i); }

Names ManyNames(int step = 1) {
  Names names;
  for (int i = 0; i < kMany; i += step) names.push_back(Numbered(i));
  return names;
}

absl::Status PutTree(const Trial& trial) {
  return trial.PutEmpty({"b/2", "a", "b", "b/10", "bb", "b/1", "c"});
}

// One page that holds exactly `expected`.
absl::Status ExpectPage(const Trial& trial, std::string_view name, std::string_view after,
                        const Names& expected) {
  const std::string from = after.empty() ? "" : trial.Key(after);
  DR_ASSIGN_OR_RETURN(Page page, trial.store.List(trial.Key(name), from, {}));
  Names keys, found;
  for (const std::string& one : expected) keys.push_back(trial.Key(one));
  for (const ListEntry& entry : page.entries) found.push_back(entry.key);
  return Expect(found == keys && !page.more,
                fmt::format("List of {:?} after {:?}: {} entries, expected {}", name, after,
                            found.size(), expected.size()));
}

absl::Status InOrder(const Trial& trial) {
  DR_RETURN_IF_ERROR(PutTree(trial));
  return trial.ExpectNames("", {"a", "b", "b/1", "b/10", "b/2", "bb", "c"});
}

absl::Status ByUnsignedBytes(const Trial& trial) {
  const Names names = {
      std::string("k\0", 2), "k ",   "k-", "k/", "k0", "kA", "k_", "ka", "k\x7f", "k\x80",
      "k\xc3\xa9",           "k\xff"};
  DR_RETURN_IF_ERROR(trial.PutEmpty({names.rbegin(), names.rend()}));
  return trial.ExpectNames("k", names);
}

absl::Status PrefixIsBytes(const Trial& trial) {
  DR_RETURN_IF_ERROR(PutTree(trial));
  DR_RETURN_IF_ERROR(ExpectPage(trial, "b", "", {"b", "b/1", "b/10", "b/2", "bb"}));
  DR_RETURN_IF_ERROR(ExpectPage(trial, "b/", "", {"b/1", "b/10", "b/2"}));
  return ExpectPage(trial, "b/1", "", {"b/1", "b/10"});
}

absl::Status PrefixEndsGreatest(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.PutEmpty({"b\xfe", "b\xff", "b\xff\xff", "b\xff\xff/1", "c"}));
  DR_RETURN_IF_ERROR(ExpectPage(trial, "b\xfe", "", {"b\xfe"}));
  DR_RETURN_IF_ERROR(ExpectPage(trial, "b\xff", "", {"b\xff", "b\xff\xff", "b\xff\xff/1"}));
  return ExpectPage(trial, "b\xff\xff", "", {"b\xff\xff", "b\xff\xff/1"});
}

absl::Status UnknownPrefix(const Trial& trial) {
  DR_RETURN_IF_ERROR(PutTree(trial));
  for (std::string_view name : {"d", "b/3", "bbb", "b//", "B"}) {
    DR_RETURN_IF_ERROR(ExpectPage(trial, name, "", {}));
  }
  return absl::OkStatus();
}

absl::Status AfterIsExclusive(const Trial& trial) {
  DR_RETURN_IF_ERROR(PutTree(trial));
  DR_RETURN_IF_ERROR(ExpectPage(trial, "b/", "b/1", {"b/10", "b/2"}));
  DR_RETURN_IF_ERROR(ExpectPage(trial, "b", "b", {"b/1", "b/10", "b/2", "bb"}));
  return ExpectPage(trial, "b/", "b/2", {});
}

absl::Status AfterNeedNotBe(const Trial& trial) {
  DR_RETURN_IF_ERROR(PutTree(trial));
  DR_RETURN_IF_ERROR(ExpectPage(trial, "b/", "b/15", {"b/2"}));
  return ExpectPage(trial, "b", "b/1\xff", {"b/2", "bb"});
}

absl::Status AfterMayBeOutside(const Trial& trial) {
  DR_RETURN_IF_ERROR(PutTree(trial));
  DR_RETURN_IF_ERROR(ExpectPage(trial, "b/", "a", {"b/1", "b/10", "b/2"}));
  DR_RETURN_IF_ERROR(ExpectPage(trial, "b/", "b", {"b/1", "b/10", "b/2"}));
  return ExpectPage(trial, "b/", "c", {});
}

absl::Status WithoutPrefix(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.PutEmpty({"a", "b"}));
  DR_ASSIGN_OR_RETURN(Page page, trial.store.List("", trial.prefix, {}));
  return Expect(page.entries.size() >= 2 && page.entries[0].key == trial.Key("a") &&
                    page.entries[1].key == trial.Key("b"),
                "what follows is not listed first where no prefix is given");
}

absl::Status TellsLengths(const Trial& trial) {
  for (std::size_t length : {0, 1, 24, 1'000, 70'000}) {
    DR_RETURN_IF_ERROR(trial.Put("a", std::string(length, 'x')).status());
    DR_ASSIGN_OR_RETURN(Page page, trial.store.List(trial.Key("a"), "", {}));
    DR_RETURN_IF_ERROR(Expect(page.entries.size() == 1 && page.entries[0].bytes == length,
                              fmt::format("a value of {} bytes is not listed as such", length)));
  }
  return absl::OkStatus();
}

absl::Status ForgetsDeleted(const Trial& trial) {
  DR_RETURN_IF_ERROR(PutTree(trial));
  for (std::string_view name : {"b", "b/10", "c"}) DR_RETURN_IF_ERROR(trial.Delete(name));
  DR_RETURN_IF_ERROR(trial.ExpectNames("", {"a", "b/1", "b/2", "bb"}));
  for (std::string_view name : {"a", "b/1", "b/2", "bb"}) DR_RETURN_IF_ERROR(trial.Delete(name));
  return trial.ExpectNames("", {});
}

absl::Status SeenByOthers(const Trial& first, const Trial& second) {
  DR_RETURN_IF_ERROR(second.ExpectNames("", {}));
  DR_RETURN_IF_ERROR(PutTree(first));
  DR_RETURN_IF_ERROR(second.ExpectNames("b/", {"b/1", "b/10", "b/2"}));
  DR_RETURN_IF_ERROR(first.Delete("b/1"));
  return second.ExpectNames("b/", {"b/10", "b/2"});
}

absl::Status EachOnce(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.PutEmpty(ManyNames()));
  return trial.ExpectNames("", ManyNames());
}

absl::Status PagesAreBounded(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.PutEmpty(ManyNames()));
  DR_ASSIGN_OR_RETURN(Page page, trial.store.List(trial.prefix, "", {}));
  return Expect(page.entries.size() <= kMaxPageEntries && page.more,
                fmt::format("a page of {} entries, at most {} are allowed", page.entries.size(),
                            kMaxPageEntries));
}

absl::Status PagesOfTrees(const Trial& trial) {
  Names names;
  for (int i = 0; i < kMany; ++i) names.push_back(fmt::format("{:02}/{:03}/{}", i % 7, i % 11, i));
  DR_RETURN_IF_ERROR(trial.PutEmpty(names));
  std::sort(names.begin(), names.end());
  return trial.ExpectNames("", names);
}

// Lists page by page with `change` behind each; what has an even number stays all the time.
template <typename Change>
absl::Status StaysListed(const Trial& trial, Change change) {
  Names found;
  std::string after;
  for (bool more = true; more;) {
    DR_ASSIGN_OR_RETURN(Page page, trial.store.List(trial.prefix, after, {}));
    for (const ListEntry& entry : page.entries) {
      if ((entry.key.back() - '0') % 2 == 0) found.push_back(entry.key.substr(trial.prefix.size()));
      after = entry.key;
    }
    more = page.more;
    if (more) DR_RETURN_IF_ERROR(change(after.substr(trial.prefix.size())));
  }
  return Expect(found == ManyNames(2),
                fmt::format("of {} keys that stay {} are listed", kMany / 2, found.size()));
}

absl::Status WhilePut(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.PutEmpty(ManyNames(2)));
  return StaysListed(trial, [&](const std::string& last) {
    Names names;
    for (int i = 1; i < kMany; i += 20) names.push_back(Numbered(i));
    names.push_back(last + "/1");
    return trial.PutEmpty(names);
  });
}

absl::Status WhileDeleted(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.PutEmpty(ManyNames()));
  return StaysListed(trial, [&](const std::string&) -> absl::Status {
    for (int i = 1; i < kMany; i += 40) DR_RETURN_IF_ERROR(trial.Delete(Numbered(i)));
    return absl::OkStatus();
  });
}

absl::Status WhileReplaced(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.PutEmpty(ManyNames()));
  return StaysListed(trial, [&](const std::string&) -> absl::Status {
    for (int i = 0; i < kMany; i += 40) {
      DR_RETURN_IF_ERROR(trial.Put(Numbered(i), "longer than before").status());
    }
    return absl::OkStatus();
  });
}

absl::Status WithoutItsLast(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.PutEmpty(ManyNames()));
  DR_ASSIGN_OR_RETURN(Page page, trial.store.List(trial.prefix, "", {}));
  DR_RETURN_IF_ERROR(Expect(page.more, "there is only one page"));
  const std::string last = page.entries.back().key;
  DR_RETURN_IF_ERROR(trial.store.Delete(last, {}, {}));
  DR_ASSIGN_OR_RETURN(Page next, trial.store.List(trial.prefix, last, {}));
  return Expect(
      !next.entries.empty() &&
          next.entries[0].key == trial.Key(Numbered(static_cast<int>(page.entries.size()))),
      "the page behind a key that is gone begins elsewhere");
}

constexpr AdapterCase kCases[] = {
    {"A listing is in order", Always, One<InOrder>},
    {"The order is that of unsigned bytes", Always, One<ByUnsignedBytes>},
    {"A prefix is bytes and not a folder", Always, One<PrefixIsBytes>},
    {"A prefix ends with the greatest byte", Always, One<PrefixEndsGreatest>},
    {"A prefix that nothing has lists nothing", Always, One<UnknownPrefix>},
    {"A listing goes on behind a key and without it", Always, One<AfterIsExclusive>},
    {"A listing goes on behind a key that is not there", Always, One<AfterNeedNotBe>},
    {"A listing goes on behind a key that has another prefix", Always, One<AfterMayBeOutside>},
    {"A listing needs no prefix", Always, One<WithoutPrefix>},
    {"A listing tells how long values are", Always, One<TellsLengths>},
    {"What was deleted is not listed", Always, One<ForgetsDeleted>},
    {"What one client did another lists", Always, Two<SeenByOthers>},
    {"D9: A long listing has every key once", Always, One<EachOnce>},
    {"A page is bounded", Always, One<PagesAreBounded>},
    {"A long listing of folders is in order", Always, One<PagesOfTrees>},
    {"D9: What stays is listed once while others are put", Always, One<WhilePut>},
    {"D9: What stays is listed once while others are deleted", Always, One<WhileDeleted>},
    {"D9: What is replaced meanwhile is listed once", Always, One<WhileReplaced>},
    {"D9: A page goes on where its last key was deleted", Always, One<WithoutItsLast>},
};

}  // namespace

std::span<const AdapterCase> ListingCases() { return kCases; }

}  // namespace dr::inline v0
