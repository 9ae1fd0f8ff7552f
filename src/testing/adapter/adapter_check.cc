#include "src/testing/adapter/adapter_check.h"

#include <utility>

#include "dr/status_macros.h"

namespace dr::inline v0 {

absl::StatusOr<std::vector<std::string>> Trial::List(std::string_view name) const {
  std::vector<std::string> names;
  std::string after;
  for (;;) {
    DR_ASSIGN_OR_RETURN(Page page, store.List(Key(name), after, {}));
    DR_RETURN_IF_ERROR(Expect(!page.more || !page.entries.empty(), "an empty page promises more"));
    for (const ListEntry& entry : page.entries) {
      DR_RETURN_IF_ERROR(Expect(entry.key > after && entry.key.starts_with(prefix),
                                fmt::format("{:?} is listed behind {:?}", entry.key, after)));
      after = entry.key;
      names.push_back(entry.key.substr(prefix.size()));
    }
    if (!page.more) return names;
  }
}

absl::Status Trial::PutEmpty(const std::vector<std::string>& names) const {
  std::vector<std::string> keys;
  for (const std::string& name : names) keys.push_back(Key(name));
  std::vector<KeyValue> items;
  for (const std::string& key : keys) items.push_back({key, ""});
  return store.PutMany(items, {});
}

absl::Status Trial::DeleteMany(const std::vector<std::string>& names) const {
  std::vector<std::string> keys;
  for (const std::string& name : names) keys.push_back(Key(name));
  return store.DeleteMany(keys, {});
}

absl::Status Trial::ExpectValue(std::string_view name, std::string_view value) const {
  DR_ASSIGN_OR_RETURN(Item item, Get(name));
  return Expect(item.value == value,
                fmt::format("under {:?} there are {} bytes that were not put there", name,
                            item.value.size()));
}

absl::Status Trial::ExpectNothing(std::string_view name) const {
  return ExpectCode(absl::StatusCode::kNotFound, Get(name).status(),
                    fmt::format("Get of {:?}", name));
}

absl::Status Trial::ExpectNames(std::string_view name,
                                const std::vector<std::string>& expected) const {
  DR_ASSIGN_OR_RETURN(std::vector<std::string> found, List(name));
  return Expect(found == expected,
                fmt::format("{} keys with {:?} are listed, expected {}: they are others, or in "
                            "another order",
                            found.size(), name, expected.size()));
}

}  // namespace dr::inline v0
