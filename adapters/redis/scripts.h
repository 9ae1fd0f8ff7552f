// What the server does as a whole: value and index together, conditions included.
//
//   {namespace}:v:KEY   a value, as dr/adapter/stored_value.h lays it out
//   {namespace}:keys    a sorted set of all KEYs, each with score 0, so that they can be listed
//   {namespace}:w:NONCE how many writes of one opened store were carried out, see ledger.h
//
// The braces make all of them share one slot of a cluster.
#pragma once

#include <string>
#include <string_view>

#include "dr/adapter/state_adapter.h"

namespace dr::inline v0::redis {

struct Script {
  std::string text;
  std::string sha;  ///< under which the server remembers it

  explicit Script(std::string_view lua);
};

/// After this long without a write or a new connection a store counts as closed.
inline constexpr std::string_view kCounterTtlMs = "2592000000";

/// KEYS: value, index, counter. ARGV: member, stored, condition ("", "absent" or the trailer to
/// replace), ttl in ms or "". Answers the counter, or "exists", "missing" or "changed".
const Script& PutScript();
/// KEYS: index, counter, then values. ARGV: member, stored, member, stored … Answers the counter.
const Script& PutManyScript();
/// KEYS: value, index, counter. ARGV: member, trailer to delete or "". Answers as PutScript.
const Script& DeleteScript();
/// KEYS: index, counter, then values. ARGV: members. Answers the counter.
const Script& DeleteManyScript();
/// KEYS: index, then values. ARGV: members. Forgets those whose value has expired.
const Script& ForgetScript();

/// What a stored value of this version ends with; something that none ends with if it is none.
std::string TrailerOf(const Version& version);

}  // namespace dr::inline v0::redis
