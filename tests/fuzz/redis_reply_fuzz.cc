// Answers of Redis from a stranger, in pieces: what is read does not depend on where they are cut,
// and stays within bounds. The first byte of an input says how long the pieces are.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/redis/error.h"
#include "adapters/redis/locator.h"
#include "adapters/redis/reply.h"

namespace {

using dr::redis::Reply;
using dr::redis::ReplyReader;

constexpr std::size_t kMaxReply = 1 << 16;

void Describe(const Reply& reply, std::string& out) {
  out += static_cast<char>('a' + static_cast<int>(reply.type));
  out += std::to_string(reply.integer) + ":" + reply.text + "(";
  for (const Reply& element : reply.elements) Describe(element, out);
  out += ")";
  if (!reply.failed()) return;
  if (dr::redis::ErrorOf(reply, "key").ok()) std::abort();
  const auto redirection = dr::redis::RedirectionOf(reply, {.host = "h"});
  if (redirection && redirection->to.port == 0) std::abort();
}

// All whole replies, up to the first byte that is of no reply.
std::string ReadInPieces(std::string_view bytes, std::size_t piece) {
  ReplyReader reader(kMaxReply);
  std::string out;
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    if (!reader.Feed(part).ok()) return out;
    for (;;) {
      const auto reply = reader.Next();
      if (!reply.ok()) return out;
      if (!*reply) break;
      Describe(**reply, out);
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > kMaxReply) return 0;  // else the bound depends on the pieces
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = ReadInPieces(bytes, bytes.size());
  if (ReadInPieces(bytes, data[0] + 1U) != whole || ReadInPieces(bytes, 1) != whole) std::abort();
  return 0;
}
