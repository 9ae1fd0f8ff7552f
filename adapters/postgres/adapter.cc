#include <memory>
#include <utility>

#include "adapters/postgres/options.h"
#include "adapters/postgres/store.h"
#include "dr/adapters/postgres.h"
#include "dr/status_macros.h"

namespace dr::inline v0 {
namespace {

absl::StatusOr<std::unique_ptr<StateAdapter>> Open(const Uri& uri,
                                                   const AdapterEnvironment& environment,
                                                   const Context& context) {
  DR_ASSIGN_OR_RETURN(postgres::Options options, postgres::ReadOptions(uri));
  return postgres::PostgresStore::Open(std::move(options), *environment.random, *environment.clock,
                                       context);
}

}  // namespace

absl::Status RegisterPostgres(AdapterRegistry& registry) {
  DR_RETURN_IF_ERROR(registry.Register("postgres", Open));
  return registry.Register("postgresql", Open);
}

}  // namespace dr::inline v0
