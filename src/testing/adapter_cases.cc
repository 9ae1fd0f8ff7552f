#include "dr/testing/adapter_cases.h"

#include <algorithm>
#include <array>
#include <stop_token>
#include <string>

#include "src/base/status_macros.h"
#include "src/testing/adapter_check.h"

namespace dr::inline v0 {

absl::Status ExpectValue(StateAdapter& store, std::string_view key, std::string_view value) {
  DR_ASSIGN_OR_RETURN(Item item, store.Get(key, {}));
  return Expect(
      item.value == value,
      fmt::format("under {:?} there are {} bytes that were not put there", key, item.value.size()));
}

absl::StatusOr<std::vector<std::string>> ListKeys(StateAdapter& store, std::string_view prefix) {
  std::vector<std::string> keys;
  for (;;) {
    DR_ASSIGN_OR_RETURN(Page page, store.List(prefix, keys.empty() ? "" : keys.back(), {}));
    DR_RETURN_IF_ERROR(Expect(!page.more || !page.entries.empty(), "an empty page promises more"));
    for (ListEntry& entry : page.entries) keys.push_back(std::move(entry.key));
    if (!page.more) return keys;
  }
}

namespace {

using Code = absl::StatusCode;
const PutOptions kCreate = {.condition = PutCondition::kIfAbsent};

std::string Under(std::string_view prefix, std::string_view name) {
  return fmt::format("{}{}", prefix, name);
}

absl::Status IsUsable(StateAdapter& store, std::string_view) { return store.Check({}); }

absl::Status ReadsBack(StateAdapter& store, std::string_view prefix) {
  std::string all_bytes;
  for (int i = 0; i < 256; ++i) all_bytes += static_cast<char>(i);
  const std::string long_value(
      std::min<std::uint64_t>(store.capabilities().max_value_bytes, 1 << 20), 'v');
  for (const std::string& value : {std::string(), std::string(1, '\0'), all_bytes, long_value}) {
    const std::string key = Under(prefix, "value");
    DR_ASSIGN_OR_RETURN(Version put, store.Put(key, value, {}, {}));
    DR_RETURN_IF_ERROR(ExpectValue(store, key, value));
    DR_ASSIGN_OR_RETURN(Item item, store.Get(key, {}));
    DR_RETURN_IF_ERROR(Expect(item.version == put, "Get and Put name different versions"));
    DR_ASSIGN_OR_RETURN(Page page, store.List(key, "", {}));
    DR_RETURN_IF_ERROR(Expect(page.entries.size() == 1 && page.entries[0].bytes == value.size(),
                              "the listing has another length"));
  }
  return absl::OkStatus();
}

absl::Status VersionsDiffer(StateAdapter& store, std::string_view prefix) {
  const std::string key = Under(prefix, "same");
  DR_ASSIGN_OR_RETURN(Version first, store.Put(key, "same bytes", {}, {}));
  DR_ASSIGN_OR_RETURN(Version second, store.Put(key, "same bytes", {}, {}));
  return Expect(first != second, "equal bytes, put twice, have one version");
}

absl::Status MissingIsNotFound(StateAdapter& store, std::string_view prefix) {
  DR_RETURN_IF_ERROR(store.Put(Under(prefix, "a/b"), "", {}, {}).status());
  for (std::string_view name : {"nothing", "a", "a/", "a/b/c", "a/bb"}) {
    DR_RETURN_IF_ERROR(ExpectCode(Code::kNotFound, store.Get(Under(prefix, name), {}).status(),
                                  fmt::format("Get of {:?}", name)));
  }
  return absl::OkStatus();
}

std::vector<std::string> HostileKeys(std::string_view prefix, std::size_t max) {
  std::vector<std::string> keys;
  for (int i = 0; i < 256; ++i) keys.push_back(Under(prefix, std::string(1, static_cast<char>(i))));
  for (std::string_view name : {"..",       "../..",     "../../etc/passwd",
                                "./a",      "a/..",      "a/../b",
                                "//",       "a//b",      "a/",
                                "a/b",      "%2E",       "%2e",
                                "%",        "%%",        "~",
                                "+",        "a+",        "a~",
                                "a~/b",     ".lock",     ".tmp-0",
                                "CON",      "A/B",       "name ",
                                "name.",    "\n",        "\x1b[31m",
                                "\xc3\xa9", "e\xcc\x81", "\xff\xfe",
                                "*",        "?",         "\\",
                                "a\\..\\b"}) {
    keys.push_back(Under(prefix, name));
  }
  for (char c : {'x', '/', '\xff', '.', '%', '\0'}) {
    for (std::size_t length : {80, 81, 160, 161, 255, 256}) {
      keys.push_back(Under(prefix, std::string(length, c)));
    }
    keys.push_back(Under(prefix, std::string(max - prefix.size(), c)));
  }
  // Ascending by unsigned bytes, as char_traits compares; some occur twice above.
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

absl::Status KeysAreAnyBytes(StateAdapter& store, std::string_view prefix) {
  const std::vector<std::string> keys = HostileKeys(prefix, store.capabilities().max_key_bytes);
  for (const std::string& key : keys) {
    DR_RETURN_IF_ERROR(store.Put(key, "value of " + key, {}, {}).status());
  }
  DR_ASSIGN_OR_RETURN(std::vector<std::string> listed, ListKeys(store, prefix));
  DR_RETURN_IF_ERROR(Expect(listed == keys, fmt::format("{} keys were put, {} are listed, or in "
                                                        "another order",
                                                        keys.size(), listed.size())));
  for (const std::string& key : keys) {
    DR_RETURN_IF_ERROR(ExpectValue(store, key, "value of " + key));
  }
  for (const std::string& key : keys) DR_RETURN_IF_ERROR(store.Delete(key, {}, {}));
  DR_ASSIGN_OR_RETURN(listed, ListKeys(store, prefix));
  return Expect(listed.empty(), "deleted keys are listed");
}

absl::Status KeysAreBounded(StateAdapter& store, std::string_view) {
  for (const std::string& key :
       {std::string(), std::string(store.capabilities().max_key_bytes + 1, 'k')}) {
    DR_RETURN_IF_ERROR(
        ExpectCode(Code::kInvalidArgument, store.Put(key, "", {}, {}).status(), "Put"));
    DR_RETURN_IF_ERROR(ExpectCode(Code::kInvalidArgument, store.Get(key, {}).status(), "Get"));
    DR_RETURN_IF_ERROR(ExpectCode(Code::kInvalidArgument, store.Delete(key, {}, {}), "Delete"));
  }
  return absl::OkStatus();
}

absl::Status ValuesAreBounded(StateAdapter& store, std::string_view prefix) {
  const std::string key = Under(prefix, "long");
  const std::string value(store.capabilities().max_value_bytes + 1, 'v');
  DR_RETURN_IF_ERROR(
      ExpectCode(Code::kInvalidArgument, store.Put(key, value, {}, {}).status(), "Put"));
  return ExpectCode(Code::kNotFound, store.Get(key, {}).status(), "Get");
}

absl::Status ListsByPrefix(StateAdapter& store, std::string_view prefix) {
  for (std::string_view name : {"b/2", "a", "b", "b/10", "bb", "b/1", "c"}) {
    DR_RETURN_IF_ERROR(store.Put(Under(prefix, name), "", {}, {}).status());
  }
  struct Row {
    std::string_view prefix, after;
    std::vector<std::string_view> expected;
  };
  const Row rows[] = {
      {"", "", {"a", "b", "b/1", "b/10", "b/2", "bb", "c"}},
      {"b", "", {"b", "b/1", "b/10", "b/2", "bb"}},
      {"b/", "", {"b/1", "b/10", "b/2"}},
      {"b/1", "", {"b/1", "b/10"}},
      {"b/", "b/1", {"b/10", "b/2"}},  // exclusive
      {"b/", "b/15", {"b/2"}},         // which need not be there
      {"b/", "a", {"b/1", "b/10", "b/2"}},
      {"b/", "c", {}},
      {"b/", "b/2", {}},
      {"d", "", {}},
  };
  for (const Row& row : rows) {
    const std::string after = row.after.empty() ? "" : Under(prefix, row.after);
    DR_ASSIGN_OR_RETURN(Page page, store.List(Under(prefix, row.prefix), after, {}));
    std::vector<std::string> expected, found;
    for (std::string_view name : row.expected) expected.push_back(Under(prefix, name));
    for (const ListEntry& entry : page.entries) found.push_back(entry.key);
    DR_RETURN_IF_ERROR(Expect(found == expected && !page.more,
                              fmt::format("List of {:?} after {:?}: {} entries, expected {}",
                                          row.prefix, row.after, found.size(), expected.size())));
  }
  return absl::OkStatus();
}

absl::Status ListsInPages(StateAdapter& store, std::string_view prefix) {
  std::vector<std::string> keys;
  for (int i = 0; i < 1100; ++i) keys.push_back(fmt::format("{}{:05}", prefix, i * 7));
  for (const std::string& key : keys) DR_RETURN_IF_ERROR(store.Put(key, "", {}, {}).status());
  DR_ASSIGN_OR_RETURN(std::vector<std::string> listed, ListKeys(store, prefix));
  return Expect(listed == keys, fmt::format("{} keys were put, {} are listed, or in another order",
                                            keys.size(), listed.size()));
}

absl::Status CreatesOnce(StateAdapter& store, std::string_view prefix) {
  const std::string key = Under(prefix, "once");
  DR_RETURN_IF_ERROR(store.Put(key, "first", kCreate, {}).status());
  DR_RETURN_IF_ERROR(
      ExpectCode(Code::kAlreadyExists, store.Put(key, "second", kCreate, {}).status(), "Put"));
  DR_RETURN_IF_ERROR(ExpectValue(store, key, "first"));
  DR_RETURN_IF_ERROR(store.Delete(key, {}, {}));
  DR_RETURN_IF_ERROR(store.Put(key, "third", kCreate, {}).status());
  return ExpectValue(store, key, "third");
}

absl::Status ReplacesByVersion(StateAdapter& store, std::string_view prefix) {
  const std::string key = Under(prefix, "versioned");
  const auto put = [&](std::string_view value, const Version& version) {
    return store.Put(key, value, {.condition = PutCondition::kIfVersion, .version = version}, {});
  };
  DR_ASSIGN_OR_RETURN(Version first, store.Put(key, "1", {}, {}));
  DR_ASSIGN_OR_RETURN(Version second, put("2", first));
  DR_RETURN_IF_ERROR(
      ExpectCode(Code::kAborted, put("x", first).status(), "Put of a stale version"));
  DR_RETURN_IF_ERROR(ExpectCode(Code::kAborted, put("x", {"?"}).status(), "Put of no version"));
  DR_RETURN_IF_ERROR(ExpectValue(store, key, "2"));
  // The bytes of the first version again are not the first version.
  DR_RETURN_IF_ERROR(put("1", second).status());
  DR_RETURN_IF_ERROR(
      ExpectCode(Code::kAborted, put("x", first).status(), "Put of a stale version"));
  DR_RETURN_IF_ERROR(store.Delete(key, {}, {}));
  return ExpectCode(Code::kNotFound, put("x", second).status(), "Put of what is gone");
}

absl::Status DeletesByVersion(StateAdapter& store, std::string_view prefix) {
  const std::string key = Under(prefix, "deleted");
  DR_ASSIGN_OR_RETURN(Version first, store.Put(key, "1", {}, {}));
  DR_ASSIGN_OR_RETURN(Version second, store.Put(key, "2", {}, {}));
  DR_RETURN_IF_ERROR(
      ExpectCode(Code::kAborted, store.Delete(key, {.if_version = first}, {}), "Delete"));
  DR_RETURN_IF_ERROR(ExpectValue(store, key, "2"));
  DR_RETURN_IF_ERROR(store.Delete(key, {.if_version = second}, {}));
  return ExpectCode(Code::kNotFound, store.Delete(key, {.if_version = second}, {}), "Delete");
}

absl::Status Deletes(StateAdapter& store, std::string_view prefix) {
  const std::string key = Under(prefix, "gone/soon");
  DR_RETURN_IF_ERROR(store.Put(key, "1", {}, {}).status());
  DR_RETURN_IF_ERROR(store.Delete(key, {}, {}));
  DR_RETURN_IF_ERROR(ExpectCode(Code::kNotFound, store.Get(key, {}).status(), "Get"));
  DR_RETURN_IF_ERROR(store.Delete(key, {}, {}));
  return store.Delete(Under(prefix, "never/was"), {}, {});
}

absl::Status RefusesUndeclared(StateAdapter& store, std::string_view prefix) {
  const Capabilities& can = store.capabilities();
  const std::string key = Under(prefix, "undeclared");
  const auto refused = [&](const PutOptions& options, std::string_view what) -> absl::Status {
    DR_RETURN_IF_ERROR(
        ExpectCode(Code::kUnimplemented, store.Put(key, "x", options, {}).status(), what));
    return ExpectCode(Code::kNotFound, store.Get(key, {}).status(), "Get");
  };
  if (!can.ttl) DR_RETURN_IF_ERROR(refused({.ttl = absl::Hours(1)}, "Put with a ttl"));
  if (!can.if_absent) DR_RETURN_IF_ERROR(refused(kCreate, "Put if absent"));
  if (can.if_version) return absl::OkStatus();
  DR_RETURN_IF_ERROR(refused({.condition = PutCondition::kIfVersion}, "Put if version"));
  return ExpectCode(Code::kUnimplemented, store.Delete(key, {.if_version = Version{}}, {}),
                    "Delete if version");
}

absl::Status HeedsCancellation(StateAdapter& store, std::string_view prefix) {
  const std::string key = Under(prefix, "cancelled");
  std::stop_source source;
  source.request_stop();
  const Context stopped{.stop = source.get_token()};
  DR_RETURN_IF_ERROR(
      ExpectCode(Code::kCancelled, store.Put(key, "x", {}, stopped).status(), "Put"));
  DR_RETURN_IF_ERROR(ExpectCode(Code::kCancelled, store.Get(key, stopped).status(), "Get"));
  DR_RETURN_IF_ERROR(ExpectCode(Code::kCancelled, store.List(key, "", stopped).status(), "List"));
  DR_RETURN_IF_ERROR(ExpectCode(Code::kCancelled, store.Delete(key, {}, stopped), "Delete"));
  return ExpectCode(Code::kNotFound, store.Get(key, {}).status(), "Get after a cancelled Put");
}

absl::Status TakesMany(StateAdapter& store, std::string_view prefix) {
  const std::string a = Under(prefix, "a"), b = Under(prefix, "b"), c = Under(prefix, "c");
  const KeyValue items[] = {{a, "1"}, {c, "3"}, {a, "2"}};
  DR_RETURN_IF_ERROR(store.PutMany(items, {}));
  const std::string_view keys[] = {c, b, a};
  const std::vector<absl::StatusOr<Item>> found = store.GetMany(keys, {});
  DR_RETURN_IF_ERROR(Expect(found.size() == 3, "GetMany has not one result per key"));
  DR_RETURN_IF_ERROR(ExpectCode(Code::kNotFound, found[1].status(), "GetMany"));
  return Expect(found[0].ok() && found[0]->value == "3" && found[2].ok() && found[2]->value == "2",
                "GetMany is out of order, or PutMany is");
}

bool Always(const Capabilities&) { return true; }
bool WithIfAbsent(const Capabilities& can) { return can.if_absent; }
bool WithIfVersion(const Capabilities& can) { return can.if_version; }
bool WithShortValues(const Capabilities& can) { return can.max_value_bytes < (1ULL << 30); }

constexpr AdapterCase kCases[] = {
    {"The store is usable", Always, IsUsable},
    {"A value is read back as it was put", Always, ReadsBack},
    {"Equal bytes put twice have two versions", Always, VersionsDiffer},
    {"What was never put is not found", Always, MissingIsNotFound},
    {"A key is any bytes", Always, KeysAreAnyBytes},
    {"A key that is empty or too long is refused", Always, KeysAreBounded},
    {"A value that is too long is refused and leaves no trace", WithShortValues, ValuesAreBounded},
    {"A listing has the keys with the prefix, after the given one, in order", Always,
     ListsByPrefix},
    {"D9: A long listing has every key once", Always, ListsInPages},
    {"A key is created once", WithIfAbsent, CreatesOnce},
    {"A value is replaced by who knows its version", WithIfVersion, ReplacesByVersion},
    {"A value is deleted by who knows its version", WithIfVersion, DeletesByVersion},
    {"What was deleted is gone, and may be deleted again", Always, Deletes},
    {"What was not declared is refused", Always, RefusesUndeclared},
    {"A call that was cancelled does nothing", Always, HeedsCancellation},
    {"Many are put and read in order", Always, TakesMany},
    {"P21: One of many threads creates a key", WithIfAbsent, RaceIfAbsent},
    {"P21: No update by version is lost", WithIfVersion, RaceIfVersion},
    {"Readers see whole values", Always, RaceReaders},
};

}  // namespace

std::span<const AdapterCase> AdapterCases() { return kCases; }

}  // namespace dr::inline v0
