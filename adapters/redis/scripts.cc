#include "adapters/redis/scripts.h"

#include <openssl/evp.h>

#include <array>
#include <charconv>
#include <new>

#include "dr/stored_value.h"
#include "fmt/format.h"
#include "src/base/status_macros.h"

namespace dr::inline v0::redis {
namespace {

// Redis rolls nothing back. So what can fail comes first: an index of another type, no memory. And
// a member of the index without a value is harmless, unlike a value that no listing finds.
constexpr std::string_view kPut = R"(
local member, stored, condition, ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if condition == 'absent' then
  if redis.call('EXISTS', KEYS[1]) == 1 then return 'exists' end
elseif condition ~= '' then
  if redis.call('EXISTS', KEYS[1]) == 0 then return 'missing' end
  if redis.call('GETRANGE', KEYS[1], 0, 23) ~= condition then return 'changed' end
end
redis.call('ZADD', KEYS[2], 0, member)
if ttl == '' then
  redis.call('SET', KEYS[1], stored)
else
  redis.call('SET', KEYS[1], stored, 'PX', ttl)
end
return 'done'
)";

constexpr std::string_view kPutMany = R"(
for i = 2, #KEYS do redis.call('ZADD', KEYS[1], 0, ARGV[2 * i - 3]) end
for i = 2, #KEYS do redis.call('SET', KEYS[i], ARGV[2 * i - 2]) end
return 'done'
)";

constexpr std::string_view kDelete = R"(
local member, condition = ARGV[1], ARGV[2]
if condition ~= '' then
  if redis.call('EXISTS', KEYS[1]) == 0 then return 'missing' end
  if redis.call('GETRANGE', KEYS[1], 0, 23) ~= condition then return 'changed' end
end
redis.call('ZREM', KEYS[2], member)
redis.call('DEL', KEYS[1])
return 'done'
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

Script::Script(std::string_view lua) : text(lua), sha(Sha1(lua)) {}

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
const Script& ForgetScript() {
  static const Script script(kForget);
  return script;
}

absl::StatusOr<Reply> Run(Session& session, const Script& script, const Command& keys,
                          const Command& arguments, const Context& context) {
  const std::string count = fmt::format("{}", keys.size());
  Command command = {"EVALSHA", script.sha, count};
  command.insert(command.end(), keys.begin(), keys.end());
  command.insert(command.end(), arguments.begin(), arguments.end());
  DR_ASSIGN_OR_RETURN(Reply reply, session.Ask(command, context));
  if (!reply.failed() || !reply.text.starts_with("NOSCRIPT")) return reply;
  command[0] = "EVAL";
  command[1] = script.text;
  return session.Ask(command, context);
}

std::string HeaderOf(const Version& version) {
  std::uint64_t nonce = 0, hash = 0;
  const std::string_view text = version.value;
  if (text.size() != 32 || !ParseHex(text.substr(0, 16), nonce) ||
      !ParseHex(text.substr(16), hash)) {
    return "of no version";
  }
  // The magic is the same in all of them.
  const StoredHeader any = EncodeStoredHeader("", "", 0);
  std::string header(any.data(), any.size());
  for (int i = 0; i < 8; ++i) {
    header[static_cast<std::size_t>(8 + i)] = static_cast<char>(nonce >> (8 * i));
    header[static_cast<std::size_t>(16 + i)] = static_cast<char>(hash >> (8 * i));
  }
  return header;
}

}  // namespace dr::inline v0::redis
