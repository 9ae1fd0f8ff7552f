// Keys as names of files and of objects, both ways: one key, one name.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "adapters/s3/object_name.h"
#include "dr/adapter/state_adapter.h"
#include "src/store/key_path.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

void FromKey(std::string_view key) {
  Require(dr::KeyOfObjectName(dr::ObjectNameOf(key)) == key);
  if (!dr::CheckKey(key).ok()) return;
  const std::vector<std::string> path = dr::PathOfKey(key);
  std::string again;
  for (const std::string& name : path) {
    Require(!name.empty() && name.size() <= 250 &&
            name.find_first_of(std::string_view("/\0", 2)) == name.npos);
    Require(name != "." && name != "..");
    const std::optional<std::string> part = dr::KeyOfName(name, &name != &path.back());
    Require(part.has_value());
    again += *part;
  }
  Require(again == key);
}

void FromName(const std::string& name) {
  if (const std::optional<std::string> key = dr::KeyOfObjectName(name)) {
    Require(dr::ObjectNameOf(*key) == name);
  }
  if (const std::optional<std::string> key = dr::KeyOfName(name, false)) {
    Require(dr::PathOfKey(*key) == std::vector{name});
  }
  if (const std::optional<std::string> key = dr::KeyOfName(name, true)) {
    Require(dr::PathOfKey(*key + "k") == std::vector<std::string>{name, "k"});
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  FromKey(bytes);
  FromName(std::string(bytes));
  return 0;
}
