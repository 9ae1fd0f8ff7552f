#include "dr/secret.h"

#include <concepts>
#include <fstream>
#include <ostream>
#include <string>
#include <type_traits>

#include "catch2/catch.hpp"
#include "fmt/format.h"

namespace {

using dr::Secret;

template <typename T>
concept Streamable = requires(std::ostream& out, const T& value) {
  out << value;
};

static_assert(!Streamable<Secret>);
static_assert(!fmt::is_formattable<Secret>::value);
static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
static_assert(!std::is_convertible_v<Secret, std::string_view>);

TEST_CASE("A secret is revealed on request, moved whole and cloned on request") {
  const std::string bytes("a\0b", 3);
  Secret secret(bytes);
  CHECK(secret.Reveal() == bytes);
  const Secret clone = secret.Clone();
  Secret moved = std::move(secret);
  CHECK(moved.Reveal() == bytes);
  CHECK(clone == moved);
  moved = Secret("other");
  CHECK(moved.Reveal() == "other");
  CHECK(Secret().empty());
  CHECK(Secret("").Reveal().empty());
}

TEST_CASE("Secrets are equal when every byte is") {
  const std::string base(5000, 'x');
  for (std::size_t i : {0, 1, 2500, 4999}) {
    std::string other = base;
    other[i] = 'y';
    CHECK_FALSE(Secret(base) == Secret(other));
  }
  CHECK(Secret(base) == Secret(base));
  CHECK_FALSE(Secret(base) == Secret(base.substr(1)));
  CHECK(Secret() == Secret(""));
}

TEST_CASE("G6: wiping leaves no byte behind") {
  std::string bytes(100, 'k');
  dr::Wipe(bytes.data(), bytes.size());
  CHECK(bytes == std::string(100, '\0'));
}

// The flags of the mapping that holds `address`, as the kernel tells them.
std::string MappingFlags(const void* address) {
  std::ifstream maps("/proc/self/smaps");
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) {
      inside = begin <= wanted && wanted < end;
    } else if (inside && line.starts_with("VmFlags:")) {
      return line + " ";
    }
  }
  return "";
}

TEST_CASE("G8: a secret lies in memory that is left out of core dumps") {
  const Secret secret("key");
  CHECK(MappingFlags(secret.Reveal().data()).find(" dd ") != std::string::npos);
}

}  // namespace
