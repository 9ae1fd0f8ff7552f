#include <charconv>
#include <memory>
#include <utility>

#include "adapters/postgres/store.h"
#include "dr/adapters/postgres.h"
#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/status_macros.h"

namespace dr::inline v0 {
namespace {

using postgres::PostgresStore;
using postgres::Server;

constexpr std::size_t kMaxSchemaBytes = 63;  // the server would cut a longer name short, silently

absl::Status Refuse(const Uri& uri, std::string_view what, std::string_view next) {
  return MakeFault(
      {.kind = FaultKind::kInvalid, .place = uri.Redacted(), .next = std::string(next)}, what);
}

absl::StatusOr<int> Number(const Uri& uri, std::string_view name, int standard, int max) {
  const std::string_view text = uri.Find(name).value_or("");
  if (!uri.Find(name)) return standard;
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 1 || number > max) {
    return Refuse(uri, fmt::format("{} is no number from 1 to {}", name, max), "mend the URI");
  }
  return number;
}

absl::StatusOr<Server> ServerOf(const Uri& uri) {
  Server server{.host = std::string(uri.Find("host").value_or(uri.host)),
                .port = fmt::format("{}", uri.port.value_or(5432)),
                .database = uri.path.empty() ? "" : uri.path.substr(1),
                .user = uri.user,
                .password = uri.password ? uri.password->Clone() : Secret(),
                .sslmode = std::string(uri.Find("sslmode").value_or("verify-full")),
                .sslrootcert = std::string(uri.Find("sslrootcert").value_or("")),
                .place = uri.Redacted(),
                .patience = {}};
  if (uri.Find("host") && !server.host.starts_with('/')) {
    return Refuse(uri, "the option host is not the folder of a unix socket",
                  "write other hosts after the //");
  }
  // Those that may or may not encrypt are not offered.
  for (std::string_view mode : {"verify-full", "verify-ca", "require", "disable", ""}) {
    if (mode.empty()) {
      return Refuse(uri, "sslmode is not known", "take verify-full, verify-ca, require or disable");
    }
    if (server.sslmode == mode) break;
  }
  if (server.host.empty() || server.database.empty() || server.user.empty()) {
    return Refuse(uri, "host, user or database is missing",
                  "write postgres://user@host/database?namespace=name");
  }
  DR_ASSIGN_OR_RETURN(int seconds, Number(uri, "timeout", 30, 3600));
  server.patience = std::chrono::seconds(seconds);
  return server;
}

absl::StatusOr<std::unique_ptr<StateAdapter>> Open(const Uri& uri,
                                                   const AdapterEnvironment& environment,
                                                   const Context& context) {
  DR_RETURN_IF_ERROR(uri.CheckParameters(
      {"host", "namespace", "schema", "sslmode", "sslrootcert", "connections", "timeout"}));
  const std::string space(uri.Find("namespace").value_or("default"));
  const std::string schema(uri.Find("schema").value_or("dr"));
  if (space.empty() || schema.empty() || schema.size() > kMaxSchemaBytes ||
      (space + schema).find('\0') != std::string::npos) {
    return Refuse(uri, "namespace and schema are names, a schema's of at most 63 bytes",
                  "choose others");
  }
  DR_ASSIGN_OR_RETURN(Server server, ServerOf(uri));
  DR_ASSIGN_OR_RETURN(int connections, Number(uri, "connections", 4, 100));
  auto store = std::make_unique<PostgresStore>(std::move(server), space,
                                               static_cast<std::size_t>(connections),
                                               *environment.clock, *environment.random);
  DR_RETURN_IF_ERROR(store->Open(schema, context));
  return store;
}

}  // namespace

absl::Status RegisterPostgres(AdapterRegistry& registry) {
  DR_RETURN_IF_ERROR(registry.Register("postgres", Open));
  return registry.Register("postgresql", Open);
}

}  // namespace dr::inline v0
