// Segments from a stranger. The first byte of an input says what follows: a whole segment, or a
// group's header or frames, around which hashes are made that hold.
#include <cstdint>
#include <string>

#include "tests/format/segments.h"

namespace {

using namespace dr::test;

void DecodeHeader(std::string bytes) {
  const dr::SegmentPrefix prefix{.block_bytes = bytes.size() % 2 == 0 ? 1U : 4096U};
  bytes.resize(std::max(bytes.size(), dr::kGroupHeaderBytes));
  dr::StoreLittle(bytes.data() + dr::format_v1::group::kMagic, dr::format_v1::group::kMagicValue);
  ResealGroup(bytes, 0, bytes.size());
  const auto header = dr::DecodeGroupHeader(bytes, prefix);
  if (header && header->stored_bytes <= bytes.size()) {
    static_cast<void>(dr::VerifyGroup({bytes.data(), header->stored_bytes}, *header));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3 || size > (1 << 20)) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 3, size - 3);
  if (data[0] % 3 == 0) static_cast<void>(ReadAll(bytes));
  if (data[0] % 3 == 1) DecodeHeader(bytes);
  if (data[0] % 3 == 2) static_cast<void>(ReadAll(SegmentWithBody(bytes, data[1], data[2] % 4)));
  return 0;
}
