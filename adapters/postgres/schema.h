// The tables of a store, made and migrated by whoever opens it first, and what the server promises
// about them.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "adapters/postgres/connection.h"
#include "dr/adapter/state_adapter.h"

namespace dr::inline v0::postgres {

/// Creates or migrates schema `name`; kUnimplemented if a newer dr did. Returns the quoted name of
/// the table of values:
///   (namespace text, key bytea, version text, value bytea, expires_at timestamptz)
absl::StatusOr<std::string> PrepareSchema(Connection& connection, const std::string& name,
                                          const Context& context);
/// What may be declared of `table` on this server, as it is set up now.
absl::StatusOr<Capabilities> ReadCapabilities(Connection& connection, const std::string& table,
                                              const Context& context);

}  // namespace dr::inline v0::postgres
