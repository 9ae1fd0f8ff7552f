#include <algorithm>
#include <string>
#include <vector>

#include "dr/status_macros.h"
#include "src/testing/adapter/adapter_check.h"

namespace dr::inline v0 {
namespace {

using Code = absl::StatusCode;
using Found = std::vector<absl::StatusOr<Item>>;

struct NameAndValue {
  std::string name, value;
};

absl::Status PutAll(const Trial& trial, const std::vector<NameAndValue>& values) {
  std::vector<std::string> keys;
  for (const NameAndValue& value : values) keys.push_back(trial.Key(value.name));
  std::vector<KeyValue> items;
  for (std::size_t i = 0; i < keys.size(); ++i) items.push_back({keys[i], values[i].value});
  return trial.store.PutMany(items, {});
}

Found GetAll(const Trial& trial, const std::vector<std::string>& names) {
  std::vector<std::string> keys;
  for (const std::string& name : names) keys.push_back(trial.Key(name));
  return trial.store.GetMany(std::vector<std::string_view>(keys.begin(), keys.end()), {});
}

// `expected` has one value per name; "-" stands for none.
absl::Status ExpectAll(const Trial& trial, const std::vector<std::string>& names,
                       const std::vector<std::string>& expected) {
  const Found found = GetAll(trial, names);
  DR_RETURN_IF_ERROR(
      Expect(found.size() == names.size(),
             fmt::format("GetMany of {} keys has {} results", names.size(), found.size())));
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (expected[i] == "-") {
      DR_RETURN_IF_ERROR(ExpectCode(Code::kNotFound, found[i].status(), "GetMany"));
    } else {
      DR_RETURN_IF_ERROR(found[i].status());
      DR_RETURN_IF_ERROR(Expect(found[i]->value == expected[i],
                                fmt::format("result {} of GetMany is not what is there", i)));
    }
  }
  return absl::OkStatus();
}

absl::Status InOrder(const Trial& trial) {
  DR_RETURN_IF_ERROR(PutAll(trial, {{"c", "3"}, {"a", "1"}, {"b", "2"}}));
  DR_RETURN_IF_ERROR(ExpectAll(trial, {"b", "c", "a"}, {"2", "3", "1"}));
  return trial.ExpectValue("c", "3");
}

absl::Status OfNothing(const Trial& trial) {
  DR_RETURN_IF_ERROR(PutAll(trial, {}));
  return ExpectAll(trial, {}, {});
}

absl::Status Missing(const Trial& trial) {
  DR_RETURN_IF_ERROR(PutAll(trial, {{"a", "1"}, {"c", ""}}));
  DR_RETURN_IF_ERROR(ExpectAll(trial, {"z", "a", "b", "c", "b"}, {"-", "1", "-", "", "-"}));
  return ExpectAll(trial, {"x", "y"}, {"-", "-"});
}

absl::Status GetTwice(const Trial& trial) {
  DR_RETURN_IF_ERROR(PutAll(trial, {{"a", "1"}, {"b", "2"}}));
  return ExpectAll(trial, {"a", "b", "a", "a"}, {"1", "2", "1", "1"});
}

absl::Status PutTwice(const Trial& trial) {
  DR_RETURN_IF_ERROR(PutAll(trial, {{"a", "1"}, {"b", "2"}, {"a", "3"}, {"a", "4"}}));
  return ExpectAll(trial, {"a", "b"}, {"4", "2"});
}

absl::Status Replaces(const Trial& trial) {
  DR_ASSIGN_OR_RETURN(Version before, trial.Put("a", "same"));
  DR_RETURN_IF_ERROR(PutAll(trial, {{"a", "same"}, {"b", "same"}}));
  DR_ASSIGN_OR_RETURN(Item item, trial.Get("a"));
  DR_RETURN_IF_ERROR(Expect(item.version != before, "PutMany kept the version of equal bytes"));
  DR_ASSIGN_OR_RETURN(Item other, trial.Get("b"));
  return Expect(item.version != other.version || item.version.value.empty(),
                "two keys of one batch have one version");
}

absl::Status NamesVersions(const Trial& trial) {
  DR_RETURN_IF_ERROR(PutAll(trial, {{"a", "1"}, {"b", "2"}}));
  const Found found = GetAll(trial, {"a", "b"});
  for (std::size_t i = 0; i < found.size(); ++i) {
    DR_RETURN_IF_ERROR(found[i].status());
    DR_ASSIGN_OR_RETURN(Item item, trial.Get(i == 0 ? "a" : "b"));
    DR_RETURN_IF_ERROR(
        Expect(item.version == found[i]->version, "Get and GetMany name different versions"));
  }
  return absl::OkStatus();
}

absl::Status VersionsCount(const Trial& trial) {
  DR_ASSIGN_OR_RETURN(Version before, trial.Put("a", "1"));
  DR_RETURN_IF_ERROR(PutAll(trial, {{"a", "2"}}));
  DR_RETURN_IF_ERROR(ExpectCode(Code::kAborted, trial.Replace("a", "x", before).status(),
                                "Put if version, of one that PutMany replaced,"));
  const Found found = GetAll(trial, {"a"});
  DR_RETURN_IF_ERROR(found.front().status());
  return trial.Replace("a", "3", found.front()->version).status();
}

absl::Status Large(const Trial& trial) {
  std::vector<NameAndValue> values;
  std::vector<std::string> names, expected;
  for (int i = 0; i < 300; ++i) {
    const int number = i * 7 % 300;
    values.push_back({fmt::format("{:03}", number), std::string(number * 11, 'l')});
    names.push_back(values.back().name);
    expected.push_back(values.back().value);
  }
  DR_RETURN_IF_ERROR(PutAll(trial, values));
  return ExpectAll(trial, names, expected);
}

absl::Status ManyBytes(const Trial& trial) {
  const std::size_t length =
      std::min<std::uint64_t>(trial.store.capabilities().max_value_bytes, 256 << 10);
  std::vector<NameAndValue> values;
  std::vector<std::string> names, expected;
  for (char c = 'a'; c <= 'p'; ++c) {
    values.push_back({std::string(1, c), std::string(length, c)});
    names.push_back(values.back().name);
    expected.push_back(values.back().value);
  }
  DR_RETURN_IF_ERROR(PutAll(trial, values));
  return ExpectAll(trial, names, expected);
}

absl::Status AnyBytes(const Trial& trial) {
  std::vector<NameAndValue> values;
  std::vector<std::string> names, expected;
  for (int i = 0; i < 256; ++i) {
    const std::string byte(1, static_cast<char>(i));
    values.push_back({"k" + byte, byte + "\r\n$1\r\n"});
    names.push_back(values.back().name);
    expected.push_back(values.back().value);
  }
  DR_RETURN_IF_ERROR(PutAll(trial, values));
  DR_RETURN_IF_ERROR(ExpectAll(trial, names, expected));
  return trial.ExpectNames("", names);
}

absl::Status StopsAtError(const Trial& trial) {
  const std::string a = trial.Key("a"), c = trial.Key("c");
  const KeyValue items[] = {{a, "1"}, {"", "2"}, {c, "3"}};
  DR_RETURN_IF_ERROR(ExpectCode(Code::kInvalidArgument, trial.store.PutMany(items, {}), "PutMany"));
  return trial.ExpectNothing("c");
}

absl::Status AllOrNothing(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.Put("b", "before").status());
  const std::string a = trial.Key("a"), b = trial.Key("b");
  const std::string too_long(trial.store.capabilities().max_key_bytes + 1, 'k');
  for (const std::string& bad : {std::string(), too_long}) {
    const KeyValue items[] = {{a, "1"}, {b, "2"}, {bad, "3"}};
    DR_RETURN_IF_ERROR(
        ExpectCode(Code::kInvalidArgument, trial.store.PutMany(items, {}), "PutMany"));
    DR_RETURN_IF_ERROR(trial.ExpectNothing("a"));
    DR_RETURN_IF_ERROR(trial.ExpectValue("b", "before"));
  }
  return absl::OkStatus();
}

absl::Status EachResult(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.Put("a", "1").status());
  const std::string a = trial.Key("a"), b = trial.Key("b");
  const std::string_view keys[] = {a, "", b, a};
  const Found found = trial.store.GetMany(keys, {});
  DR_RETURN_IF_ERROR(Expect(found.size() == 4, "GetMany has not one result per key"));
  DR_RETURN_IF_ERROR(ExpectCode(Code::kInvalidArgument, found[1].status(), "GetMany"));
  DR_RETURN_IF_ERROR(ExpectCode(Code::kNotFound, found[2].status(), "GetMany"));
  return Expect(found[0].ok() && found[3].ok() && found[3]->value == "1",
                "a bad key spoils the results of others");
}

absl::Status SeenByOthers(const Trial& first, const Trial& second) {
  for (std::string_view value : {"1", "2", "3"}) {
    const std::string text(value);
    DR_RETURN_IF_ERROR(PutAll(first, {{"a", text}, {"b", text}}));
    DR_RETURN_IF_ERROR(ExpectAll(second, {"b", "a"}, {text, text}));
  }
  return absl::OkStatus();
}

absl::Status DeletesLarge(const Trial& trial) {
  std::vector<std::string> names, left;
  for (int i = 0; i < 1'100; ++i) {
    const std::string name = fmt::format("{:04}", i * 7 % 1'100);
    (i % 50 == 0 ? left : names).push_back(name);
  }
  DR_RETURN_IF_ERROR(trial.PutEmpty(names));
  DR_RETURN_IF_ERROR(trial.PutEmpty(left));
  DR_RETURN_IF_ERROR(trial.DeleteMany(names));
  std::ranges::sort(left);
  return trial.ExpectNames("", left);
}

bool WithAtomicBatch(const Capabilities& can) { return can.atomic_batch; }

constexpr AdapterCase kCases[] = {
    {"Many are put and read in order", Always, One<InOrder>},
    {"A batch of nothing is nothing", Always, One<OfNothing>},
    {"Of many those that are not there are not found", Always, One<Missing>},
    {"A key is read as often as it is asked for", Always, One<GetTwice>},
    {"Of a key that is put twice in a batch the last value counts", Always, One<PutTwice>},
    {"A batch of equal bytes has new versions", Always, One<Replaces>},
    {"GetMany names the versions that Get does", Always, One<NamesVersions>},
    {"Versions count across batches", WithIfVersion, One<VersionsCount>},
    {"A batch has hundreds of keys", Always, One<Large>},
    {"A batch has megabytes", Always, One<ManyBytes>},
    {"A batch has any bytes", Always, One<AnyBytes>},
    {"A batch stops at the first error", Always, One<StopsAtError>},
    {"An atomic batch with an error has not happened", WithAtomicBatch, One<AllOrNothing>},
    {"A bad key spoils no other result", Always, One<EachResult>},
    {"A batch is seen by another client", Always, Two<SeenByOthers>},
    {"More than a page of keys are deleted at once", Always, One<DeletesLarge>},
};

}  // namespace

std::span<const AdapterCase> BatchCases() { return kCases; }

}  // namespace dr::inline v0
