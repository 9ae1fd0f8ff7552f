// What the server does as a whole: value and index together, conditions included.
//
//   {namespace}:v:KEY   a value, as dr/stored_value.h lays it out
//   {namespace}:keys    a sorted set of all KEYs, each with score 0, so that they can be listed
//
// The braces make all of them share one slot of a cluster.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "adapters/redis/session.h"
#include "dr/state_adapter.h"

namespace dr::inline v0::redis {

struct Script {
  std::string text;
  std::string sha;  ///< under which the server remembers it

  explicit Script(std::string_view lua);
};

/// KEYS: value, index. ARGV: member, stored, condition ("", "absent" or the header to replace), ttl
/// in ms or "". Answers "done", "exists", "missing" or "changed".
const Script& PutScript();
/// KEYS: index, then values. ARGV: member, stored, member, stored … Answers "done".
const Script& PutManyScript();
/// KEYS: value, index. ARGV: member, header to delete or "". Answers as PutScript.
const Script& DeleteScript();
/// KEYS: index, then values. ARGV: members. Forgets those whose value has expired.
const Script& ForgetScript();

/// Runs it in one round trip; in two if the server does not know it yet.
absl::StatusOr<Reply> Run(Session& session, const Script& script, const Command& keys,
                          const Command& arguments, const Context& context);

/// What a stored value of this version begins with; something that none begins with if it is none.
std::string HeaderOf(const Version& version);

}  // namespace dr::inline v0::redis
