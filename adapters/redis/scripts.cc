#include "adapters/redis/scripts.h"

#include <openssl/evp.h>

#include <array>
#include <charconv>
#include <new>

#include "dr/adapter/stored_value.h"
#include "fmt/format.h"

namespace dr::inline v0::redis {
namespace {

// Redis rolls nothing back. So what can fail comes first: no memory, an index of another type. And
// harmless are a write that is counted and not made, and a member of the index without a value;
// a value that no listing finds is not. After the first write of a script memory is not looked at,
// so that a deletion which is counted last works on a full server too.
constexpr std::string_view kCount = R"(
local function Count(key)
  local count = redis.call('INCR', key)
  redis.call("PEXPIRE", key, {})
  return count
end
)";

constexpr std::string_view kPut = R"(
local member, stored, condition, ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if condition == 'absent' then
  if redis.call('EXISTS', KEYS[1]) == 1 then return 'exists' end
elseif condition ~= '' then
  if redis.call('EXISTS', KEYS[1]) == 0 then return 'missing' end
  if redis.call('GETRANGE', KEYS[1], -24, -1) ~= condition then return 'changed' end
end
local count = Count(KEYS[3])
redis.call('ZADD', KEYS[2], 0, member)
if ttl == '' then
  redis.call('SET', KEYS[1], stored)
else
  redis.call('SET', KEYS[1], stored, 'PX', ttl)
end
return count
)";

constexpr std::string_view kPutMany = R"(
local count = Count(KEYS[2])
local step = 500
for i = 3, #KEYS, step do
  local members = {}
  for j = i, math.min(i + step - 1, #KEYS) do
    members[#members + 1] = 0
    members[#members + 1] = ARGV[2 * j - 5]
  end
  redis.call('ZADD', KEYS[1], unpack(members))
end
for i = 3, #KEYS, step do
  local values = {}
  for j = i, math.min(i + step - 1, #KEYS) do
    values[#values + 1] = KEYS[j]
    values[#values + 1] = ARGV[2 * j - 4]
  end
  redis.call('MSET', unpack(values))
end
return count
)";

constexpr std::string_view kDelete = R"(
local member, condition = ARGV[1], ARGV[2]
if condition ~= '' then
  if redis.call('EXISTS', KEYS[1]) == 0 then return 'missing' end
  if redis.call('GETRANGE', KEYS[1], -24, -1) ~= condition then return 'changed' end
end
redis.call('ZREM', KEYS[2], member)
redis.call('DEL', KEYS[1])
return Count(KEYS[3])
)";

constexpr std::string_view kDeleteMany = R"(
local step = 500
for i = 3, #KEYS, step do
  local last = math.min(i + step - 1, #KEYS)
  redis.call('ZREM', KEYS[1], unpack(ARGV, i - 2, last - 2))
  redis.call('DEL', unpack(KEYS, i, last))
end
return Count(KEYS[2])
)";

constexpr std::string_view kForget = R"(
for i = 2, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 0 then redis.call('ZREM', KEYS[1], ARGV[i - 1]) end
end
return 'done'
)";

std::string Sha1(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1) {
    throw std::bad_alloc();
  }
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

bool ParseHex(std::string_view text, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

Script::Script(std::string_view lua)
    : text(fmt::format(kCount, kCounterTtlMs).append(lua)), sha(Sha1(text)) {}

const Script& PutScript() {
  static const Script script(kPut);
  return script;
}
const Script& PutManyScript() {
  static const Script script(kPutMany);
  return script;
}
const Script& DeleteScript() {
  static const Script script(kDelete);
  return script;
}
const Script& DeleteManyScript() {
  static const Script script(kDeleteMany);
  return script;
}
const Script& ForgetScript() {
  static const Script script(kForget);
  return script;
}

std::string TrailerOf(const Version& version) {
  std::uint64_t nonce = 0, hash = 0;
  const std::string_view text = version.value;
  if (text.size() != 32 || !ParseHex(text.substr(0, 16), nonce) ||
      !ParseHex(text.substr(16), hash)) {
    return "of no version";
  }
  // The magic is the same in all of them.
  const StoredTrailer any = EncodeStoredTrailer("", "", 0);
  std::string trailer(any.data(), any.size());
  for (int i = 0; i < 8; ++i) {
    trailer[static_cast<std::size_t>(8 + i)] = static_cast<char>(nonce >> (8 * i));
    trailer[static_cast<std::size_t>(16 + i)] = static_cast<char>(hash >> (8 * i));
  }
  return trailer;
}

}  // namespace dr::inline v0::redis
