#include "src/store/key_path.h"

#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "dr/adapter/state_adapter.h"

namespace dr {
namespace {

// The key that a path stands for.
std::optional<std::string> KeyOf(const std::vector<std::string>& path) {
  std::string key;
  for (std::size_t i = 0; i < path.size(); ++i) {
    std::optional<std::string> part = KeyOfName(path[i], i + 1 < path.size());
    if (!part) return std::nullopt;
    key += *part;
  }
  return key;
}

TEST_CASE("Plain keys are plain paths") {
  CHECK(PathOfKey("entry/0001") == std::vector<std::string>{"entry+", "0001"});
  CHECK(PathOfKey("a b") == std::vector<std::string>{"a%20b"});
  CHECK(PathOfKey("..") == std::vector<std::string>{"%2E."});
  CHECK(PathOfKey("/") == std::vector<std::string>{"%+", "%"});
}

TEST_CASE("F1: Any key becomes names that a directory takes, one to one") {
  std::mt19937 random(7);
  const std::string letters = "ab./%+~\\ \xff" + std::string(1, '\0');
  std::set<std::vector<std::string>> paths;
  std::set<std::string> keys;
  for (int i = 0; i < 20'000; ++i) {
    std::string key;
    const std::size_t size = i % 50 == 0 ? 1 + random() % kMaxKeyBytes : 1 + random() % 8;
    while (key.size() < size) key += letters[random() % letters.size()];
    const std::vector<std::string> path = PathOfKey(key);
    for (const std::string& name : path) {
      CHECK(name.size() <= 250);
      CHECK(!name.empty());
      CHECK(name[0] != '.');
      CHECK(name.find_first_of(std::string("/\\") + '\0') == std::string::npos);
    }
    CHECK(KeyOf(path) == key);
    keys.insert(key);
    paths.insert(path);
  }
  CHECK(keys.size() == paths.size());
}

TEST_CASE("F7: A name that PathOfKey would have written otherwise is not a key's") {
  for (std::string name :
       {"", ".lock", ".tmp-1", "%2e", "%61", "%2", "%G0", "%%", "a b", "a+", "a~", "é", "%41"}) {
    INFO(name);
    CHECK(KeyOfName(name, false) == std::nullopt);
  }
  for (std::string name : {"", "a", "+", "lost+found", "%61+", "~"}) {
    INFO(name);
    CHECK(KeyOfName(name, true) == std::nullopt);
  }
  const std::string piece(80, 'a');
  CHECK(KeyOfName(piece, false) == piece);
  CHECK(KeyOfName(piece + "~", true) == piece);
  CHECK(KeyOfName(piece + "a", false) == std::nullopt);
  CHECK(KeyOfName(piece + "a+", true) == std::nullopt);
  CHECK(KeyOfName("a%2Fb", false) == std::nullopt);
}

}  // namespace
}  // namespace dr
