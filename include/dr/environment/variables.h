// Variables in configuration, so that what differs between places and what is secret stays out of
// it.
//
//   ${REDIS_URL}                          its value; an error if it is not set
//   ${AF_DATABASE_URL:-${DATABASE_URL}}   the second where the first is not set, or empty
//   redis://${REDIS_HOST:-localhost}/0    or a text
//   pa$$word                              a '$' itself
//
// As in a shell, but strict: a '$' that begins none of these is refused, and values are taken as
// they are, never looked into for more.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "dr/export.h"

namespace dr::inline v0 {

/// The value of a variable; nullopt if it is not set.
using VariableLookup = std::function<std::optional<std::string>(std::string_view name)>;

/// From the environment of the process. Not while another thread changes that.
DR_EXPORT std::optional<std::string> ProcessVariable(std::string_view name);

/// `text` with its variables replaced. kInvalidArgument names variables without a value, or what is
/// wrong and at which byte; values and the rest of the text appear in no error.
DR_EXPORT absl::StatusOr<std::string> ExpandVariables(std::string_view text,
                                                      const VariableLookup& variables);

/// `text` such that ExpandVariables gives it back.
DR_EXPORT std::string EscapeVariables(std::string_view text);

}  // namespace dr::inline v0
