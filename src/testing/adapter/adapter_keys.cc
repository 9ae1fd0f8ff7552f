#include <algorithm>
#include <string>
#include <vector>

#include "dr/status_macros.h"
#include "src/testing/adapter/adapter_check.h"

namespace dr::inline v0 {
namespace {

using Code = absl::StatusCode;
using Names = std::vector<std::string>;

// Different keys: each has its own value, all are listed in order, and each is deleted alone.
absl::Status KeptApart(const Trial& trial, Names names) {
  // Ascending by unsigned bytes, as char_traits compares.
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (const std::string& name : names) {
    DR_RETURN_IF_ERROR(trial.Put(name, "value of " + name).status());
  }
  DR_RETURN_IF_ERROR(trial.ExpectNames("", names));
  for (const std::string& name : names) {
    DR_RETURN_IF_ERROR(trial.ExpectValue(name, "value of " + name));
  }
  for (std::size_t i = 0; i < names.size(); i += 2) DR_RETURN_IF_ERROR(trial.Delete(names[i]));
  Names left;
  for (std::size_t i = 1; i < names.size(); i += 2) left.push_back(names[i]);
  return trial.ExpectNames("", left);
}

Names WithEachByte(std::string_view before, std::string_view behind) {
  Names names;
  for (int i = 0; i < 256; ++i) {
    names.push_back(fmt::format("{}{}{}", before, static_cast<char>(i), behind));
  }
  return names;
}

absl::Status ByteFirst(const Trial& trial) { return KeptApart(trial, WithEachByte("", "")); }
absl::Status ByteInside(const Trial& trial) { return KeptApart(trial, WithEachByte("a", "z")); }
absl::Status ByteLast(const Trial& trial) { return KeptApart(trial, WithEachByte("a/", "")); }

absl::Status Paths(const Trial& trial) {
  return KeptApart(trial, {"..", "../..", "../../etc/passwd", "./a", "a/..", "a/../b", "/", "//",
                           "a//b", "a/", "a", "a/b", "a/b/", "a/b/c", "/a", ".", "./."});
}
absl::Status FileNames(const Trial& trial) {
  return KeptApart(trial, {".lock", ".tmp-0", "CON", "nul", "name ", "name.", "name", "~", "a~",
                           "a~/b", "+", "a+", "-rf", "\\", "a\\..\\b", ":", "a:b"});
}
absl::Status Escapes(const Trial& trial) {
  return KeptApart(trial, {"%2E", "%2e", "%", "%%", "A", "%41", "a b", "a+b", "a%20b", "&amp;", "&",
                           "?a=b", "#a", "\\u0041", "\\x41", "=41"});
}
absl::Status Wildcards(const Trial& trial) {
  return KeptApart(trial, {"*", "?", "[a]", "[^a]", "a", "b", "_", "%", "a*", "ab", "a?", "a_",
                           "{a}", "{b}", "a{b}c", ".*", "^a$"});
}
absl::Status Unicode(const Trial& trial) {
  return KeptApart(trial,
                   {"\xc3\xa9", "e\xcc\x81", "\xff\xfe", "\xef\xbb\xbf", "\xed\xa0\x80",
                    "\xf0\x9f\x92\xbe", "\xc3", "\xc0\xaf", "\xe2\x80\xae", "K", "\xe2\x84\xaa"});
}
absl::Status Letters(const Trial& trial) {
  return KeptApart(trial, {"a", "A", "A/B", "a/b", "A/b", "aA", "Aa", "\xc3\x89", "\xc3\xa9"});
}
absl::Status Endings(const Trial& trial) {
  return KeptApart(trial, {"a", std::string("a\0", 2), std::string("a\0\0", 3), "a ", "a  ", "a\t",
                           "a\n", "a\r\n", " a", "\na"});
}

absl::Status Longest(const Trial& trial) {
  const std::size_t room = trial.store.capabilities().max_key_bytes - trial.prefix.size();
  Names names;
  for (char c : {'x', '/', '\xff', '.', '%', '\0'}) {
    for (std::size_t length : {std::size_t{80}, std::size_t{81}, std::size_t{160}, std::size_t{161},
                               std::size_t{255}, std::size_t{256}, room - 1, room}) {
      names.emplace_back(std::min(length, room), c);
    }
  }
  return KeptApart(trial, names);
}

absl::Status Refused(const Trial& trial, std::string_view key) {
  const std::string_view keys[] = {key};
  const KeyValue items[] = {{key, ""}};
  DR_RETURN_IF_ERROR(
      ExpectCode(Code::kInvalidArgument, trial.store.Put(key, "", {}, {}).status(), "Put"));
  DR_RETURN_IF_ERROR(ExpectCode(Code::kInvalidArgument, trial.store.Get(key, {}).status(), "Get"));
  DR_RETURN_IF_ERROR(ExpectCode(Code::kInvalidArgument, trial.store.Delete(key, {}, {}), "Delete"));
  DR_RETURN_IF_ERROR(ExpectCode(Code::kInvalidArgument, trial.store.PutMany(items, {}), "PutMany"));
  const std::string owned[] = {std::string(key)};
  DR_RETURN_IF_ERROR(
      ExpectCode(Code::kInvalidArgument, trial.store.DeleteMany(owned, {}), "DeleteMany"));
  const std::vector<absl::StatusOr<Item>> found = trial.store.GetMany(keys, {});
  DR_RETURN_IF_ERROR(Expect(found.size() == 1, "GetMany has not one result per key"));
  return ExpectCode(Code::kInvalidArgument, found[0].status(), "GetMany");
}

absl::Status RefusesEmpty(const Trial& trial) { return Refused(trial, ""); }
absl::Status RefusesTooLong(const Trial& trial) {
  std::string key(trial.prefix);
  key.resize(trial.store.capabilities().max_key_bytes + 1, 'k');
  return Refused(trial, key);
}

absl::Status NeverPut(const Trial& trial) {
  DR_RETURN_IF_ERROR(trial.Put("a/b", "").status());
  for (std::string_view name : {"nothing", "a", "a/", "a/b/c", "a/bb", "a/b ", "A/B"}) {
    DR_RETURN_IF_ERROR(trial.ExpectNothing(name));
  }
  return absl::OkStatus();
}

constexpr AdapterCase kCases[] = {
    {"A key begins with any byte", Always, One<ByteFirst>},
    {"A key has any byte inside", Always, One<ByteInside>},
    {"A key ends with any byte", Always, One<ByteLast>},
    {"A key that reads like a path is a key", Always, One<Paths>},
    {"A key that reads like a file of the system is a key", Always, One<FileNames>},
    {"A key that reads like an escape is not what it escapes", Always, One<Escapes>},
    {"A key that reads like a pattern matches only itself", Always, One<Wildcards>},
    {"A key need not be text, and text is not normalised", Always, One<Unicode>},
    {"Keys that differ in case differ", Always, One<Letters>},
    {"Keys that differ in spaces and zeros at the ends differ", Always, One<Endings>},
    {"A key is as long as is declared", Always, One<Longest>},
    {"A key of no bytes is refused by every call", Always, One<RefusesEmpty>},
    {"A key that is too long is refused by every call", Always, One<RefusesTooLong>},
    {"What was never put is not found", Always, One<NeverPut>},
};

}  // namespace

std::span<const AdapterCase> KeyCases() { return kCases; }

}  // namespace dr::inline v0
