#include <memory>
#include <utility>

#include "adapters/postgres/server.h"
#include "adapters/postgres/store.h"
#include "dr/adapters/postgres.h"
#include "src/base/status_macros.h"

namespace dr::inline v0 {
namespace {

absl::StatusOr<std::unique_ptr<StateAdapter>> Open(const Uri& uri,
                                                   const AdapterEnvironment& environment,
                                                   const Context& context) {
  DR_ASSIGN_OR_RETURN(postgres::Settings settings, postgres::ReadSettings(uri));
  const std::string schema = settings.schema;
  auto store = std::make_unique<postgres::PostgresStore>(std::move(settings), *environment.clock,
                                                         *environment.random);
  DR_RETURN_IF_ERROR(store->Open(schema, context));
  return store;
}

}  // namespace

absl::Status RegisterPostgres(AdapterRegistry& registry) {
  DR_RETURN_IF_ERROR(registry.Register("postgres", Open));
  return registry.Register("postgresql", Open);
}

}  // namespace dr::inline v0
