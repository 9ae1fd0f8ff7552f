#include "adapters/postgres/statements.h"

#include "fmt/format.h"

namespace dr::inline v0::postgres {
namespace {

constexpr std::string_view kAlive = "(expires_at IS NULL OR expires_at > now())";
constexpr std::string_view kExpiry = "now() + $5::int8 * interval '1 microsecond'";
constexpr std::string_view kThisRow = "namespace = $1 AND key = $2";
constexpr std::string_view kSet =
    "SET version = excluded.version, value = excluded.value, expires_at = excluded.expires_at";

// A statement that changes one row by its version says whether it did, and whether there was one.
std::string ByVersion(const std::string& table, std::string_view before, std::string_view change) {
  return fmt::format(
      "WITH {}done AS ({} RETURNING 1) SELECT (EXISTS (SELECT FROM done))::text,"
      " (EXISTS (SELECT FROM {} WHERE {} AND {}))::text",
      before, change, table, kThisRow, kAlive);
}

// The row that is put is left out: one statement may not change a row twice.
std::string Sweep(const std::string& table) {
  return fmt::format(
      "swept AS (DELETE FROM {0} WHERE namespace = $1 AND key IN"
      " (SELECT key FROM {0} WHERE namespace = $1 AND key <> $2 AND expires_at <= now()"
      " LIMIT 16 FOR UPDATE SKIP LOCKED) AND expires_at <= now())",
      table);
}

}  // namespace

Statements StatementsFor(const std::string& table) {
  const std::string insert = fmt::format(
      "INSERT INTO {} AS old (namespace, key, version, value, expires_at)"
      " VALUES ($1, $2, $3, $4, {}) ON CONFLICT (namespace, key) DO UPDATE {}",
      table, kExpiry, kSet);
  const std::string create = insert + " WHERE old.expires_at <= now()";
  const std::string update = fmt::format(
      "UPDATE {} SET version = $3, value = $4, expires_at = {} WHERE {} AND version = $6 AND {}",
      table, kExpiry, kThisRow, kAlive);
  const std::string remove = fmt::format("DELETE FROM {} WHERE {}", table, kThisRow);
  const std::string sweep = Sweep(table);
  return {
      .keeping = {.always = insert,
                  .if_absent = create,
                  .if_version = ByVersion(table, "", update)},
      .expiring = {.always = fmt::format("WITH {} {}", sweep, insert),
                   .if_absent = fmt::format("WITH {} {}", sweep, create),
                   .if_version = ByVersion(table, sweep + ", ", update)},
      .put_many = fmt::format("INSERT INTO {} (namespace, key, version, value)"
                              " SELECT $1, item.* FROM unnest($2::bytea[], $3::text[],"
                              " $4::bytea[]) AS item ON CONFLICT (namespace, key) DO UPDATE {}",
                              table, kSet),
      .get = fmt::format("SELECT version, value FROM {} WHERE {} AND {}", table, kThisRow, kAlive),
      .get_many = fmt::format("SELECT key, version, value FROM {} WHERE"
                              " namespace = $1 AND key = ANY ($2::bytea[]) AND {}",
                              table, kAlive),
      .list = fmt::format("SELECT key, octet_length(value)::text FROM {} WHERE"
                          " namespace = $1 AND key >= $2 AND key > $3 AND key < $4 AND {}"
                          " ORDER BY key LIMIT $5::int8",
                          table, kAlive),
      .remove = remove,
      .remove_many =
          fmt::format("DELETE FROM {} WHERE namespace = $1 AND key = ANY ($2::bytea[])", table),
      .remove_version =
          ByVersion(table, "", fmt::format("{} AND version = $3 AND {}", remove, kAlive)),
      .count_versions = fmt::format("SELECT count(*)::text FROM {} AS now JOIN"
                                    " unnest($2::bytea[], $3::text[]) AS put (key, version)"
                                    " ON now.key = put.key AND now.version = put.version"
                                    " WHERE now.namespace = $1",
                                    table),
  };
}

}  // namespace dr::inline v0::postgres
