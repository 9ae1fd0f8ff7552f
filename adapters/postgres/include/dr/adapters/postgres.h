// A table of a Postgres database as a store:
// postgres://agent:${PGPASSWORD}@db.example/agents?namespace=agent7
//
// README.md beside this names the options and says what is declared, and when.
#pragma once

#include "absl/status/status.h"
#include "dr/adapter/adapter_registry.h"
#include "dr/export.h"

namespace dr::inline v0 {

/// Takes the schemes `postgres` and `postgresql`.
DR_EXPORT absl::Status RegisterPostgres(AdapterRegistry& registry);

}  // namespace dr::inline v0
