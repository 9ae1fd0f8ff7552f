// The bytes of a fuzzer, taken from the front; behind their end all is 0.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace dr::test {

struct Input {
  std::span<const std::uint8_t> rest;

  std::uint64_t Next() {
    if (rest.empty()) return 0;
    const std::uint8_t byte = rest.front();
    rest = rest.subspan(1);
    return byte;
  }
  std::uint64_t Next3() { return Next() << 16 | Next() << 8 | Next(); }
  std::string Bytes(std::size_t count) {
    std::string bytes;
    while (bytes.size() < count && !rest.empty()) bytes += static_cast<char>(Next());
    return bytes;
  }
};

}  // namespace dr::test
