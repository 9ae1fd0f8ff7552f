#include "adapters/postgres/schema.h"

#include <charconv>
#include <vector>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0::postgres {
namespace {

constexpr std::uint64_t kMaxValueBytes = 64ULL << 20;

// Each leads from the version before it to its own, the first to 1; never changed, only added to.
// {0} is the schema. Values are not compressed: what dr stores is already, or sealed.
constexpr std::string_view kMigrations[] = {
    R"(CREATE TABLE {0}.value (
         namespace text COLLATE "C" NOT NULL,
         key bytea NOT NULL,
         version text COLLATE "C" NOT NULL,
         value bytea NOT NULL,
         expires_at timestamptz,
         PRIMARY KEY (namespace, key));
       ALTER TABLE {0}.value ALTER value SET STORAGE EXTERNAL;
       CREATE INDEX ON {0}.value (namespace, expires_at) WHERE expires_at IS NOT NULL)",
};
constexpr int kNewest = static_cast<int>(std::size(kMigrations));

absl::StatusOr<std::string> AskText(Connection& connection, const std::string& statement,
                                    std::span<const Argument> arguments, const Context& context) {
  DR_ASSIGN_OR_RETURN(Rows rows, connection.Ask(statement, arguments, context));
  return rows.size() == 0 ? std::string() : std::string(rows.At(0, 0));
}

// 0: there is no schema of dr.
absl::StatusOr<int> FindVersion(Connection& connection, const std::string& schema,
                                const Context& context) {
  const std::string table = schema + ".version";
  const Argument name[] = {{table}};
  DR_ASSIGN_OR_RETURN(
      std::string there,
      AskText(connection, "SELECT (to_regclass($1) IS NOT NULL)::text", name, context));
  if (there != "true") return 0;
  DR_ASSIGN_OR_RETURN(
      std::string text,
      AskText(connection, fmt::format("SELECT max(version)::text FROM {}", table), {}, context));
  int version = 0;
  std::from_chars(text.data(), text.data() + text.size(), version);
  return version;
}

absl::Status Migrate(Connection& connection, const std::string& name, const std::string& schema,
                     const Context& context) {
  // One at a time; and who waited looks again.
  DR_RETURN_IF_ERROR(
      connection.Ask("SELECT pg_advisory_xact_lock(hashtext('dr schema'))::text", {}, context)
          .status());
  const Argument named[] = {{name}};
  DR_ASSIGN_OR_RETURN(std::string there,
                      AskText(connection, "SELECT 'yes' FROM pg_namespace WHERE nspname = $1::text",
                              named, context));
  std::string sql;
  if (there.empty()) sql += fmt::format("CREATE SCHEMA {};", schema);
  DR_ASSIGN_OR_RETURN(int version, FindVersion(connection, schema, context));
  if (version == 0) sql += fmt::format("CREATE TABLE {}.version (version int NOT NULL);", schema);
  for (; version < kNewest; ++version) {
    sql += fmt::format(fmt::runtime(kMigrations[version]), schema);
    sql += fmt::format(";INSERT INTO {}.version VALUES ({});", schema, version + 1);
  }
  return sql.empty() ? absl::OkStatus() : connection.Do(sql, context);
}

}  // namespace

absl::StatusOr<std::string> PrepareSchema(Connection& connection, const std::string& name,
                                          const Context& context) {
  DR_ASSIGN_OR_RETURN(std::string schema, connection.QuoteName(name));
  DR_ASSIGN_OR_RETURN(int version, FindVersion(connection, schema, context));
  if (version < kNewest) {
    DR_RETURN_IF_ERROR(connection.Begin(context));
    DR_RETURN_IF_ERROR(Migrate(connection, name, schema, context));
    DR_RETURN_IF_ERROR(connection.Commit(context).status());
    DR_ASSIGN_OR_RETURN(version, FindVersion(connection, schema, context));
  }
  if (version > kNewest) {
    return MakeFault(
        {.kind = FaultKind::kVersion,
         .place = schema,
         .next = "open it with a newer dr, or name another schema"},
        fmt::format("the schema has version {}, this program knows up to {}", version, kNewest));
  }
  return schema + ".value";
}

absl::StatusOr<Capabilities> ReadCapabilities(Connection& connection, const std::string& table,
                                              const Context& context) {
  // A standby that is attached and not waited for may be promoted without what it lacks. Who may
  // not see how it is attached gets NULL, and must think the worst.
  static const std::string kAsk =
      "SELECT (current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on'"
      " AND current_setting('synchronous_commit') IN ('on', 'remote_apply')"
      " AND relpersistence = 'p')::text,"
      " (NOT pg_is_in_recovery() AND NOT EXISTS (SELECT FROM pg_stat_replication"
      " WHERE sync_state IS DISTINCT FROM 'sync'))::text"
      " FROM pg_class WHERE oid = to_regclass($1)";
  const Argument name[] = {{table}};
  DR_ASSIGN_OR_RETURN(Rows rows, connection.Ask(kAsk, name, context));
  const bool durable = rows.size() == 1 && rows.At(0, 0) == "true";
  Capabilities can = {.if_absent = true,
                      .if_version = true,
                      .atomic_batch = true,
                      .ttl = true,
                      .durable = durable,
                      .fence_safe = durable && rows.At(0, 1) == "true",
                      .max_value_bytes = kMaxValueBytes};
  if (!can.durable) {
    can.weaknesses.emplace_back(
        "fsync, full_page_writes or synchronous_commit is off, or the table is not logged");
  } else if (!can.fence_safe) {
    can.weaknesses.emplace_back(
        "the server is a standby, or has one that commits do not wait for, or does not let the "
        "user see which it has (pg_read_all_stats)");
  }
  return can;
}

}  // namespace dr::inline v0::postgres
