#include <libpq-fe.h>

#include <array>

#include "bench/peers/thin_client.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace bench {
namespace {

struct Disconnect {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct Forget {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Connection = std::unique_ptr<PGconn, Disconnect>;
using PgResult = std::unique_ptr<PGresult, Forget>;

std::string_view Cell(const PgResult& result, int row, int column) {
  return {PQgetvalue(result.get(), row, column),
          static_cast<std::size_t>(PQgetlength(result.get(), row, column))};
}

/// Binary parameters of a prepared statement.
struct Arguments {
  Arguments(std::initializer_list<std::string_view> bytes) {
    for (std::string_view each : bytes) {
      values[count] = each.data();
      lengths[count++] = static_cast<int>(each.size());
    }
  }
  int count = 0;
  std::array<const char*, 2> values;
  std::array<int, 2> lengths;
  static constexpr std::array<int, 2> kBinary = {1, 1};
};

class Postgres final : public ThinClient {
 public:
  explicit Postgres(Connection connection) : connection_(std::move(connection)) {}

  absl::Status Prepare() {
    DR_RETURN_IF_ERROR(Run("SET client_min_messages = warning"));
    DR_RETURN_IF_ERROR(
        Run("CREATE TABLE IF NOT EXISTS thin (key bytea PRIMARY KEY, value bytea NOT NULL)"));
    DR_RETURN_IF_ERROR(Run("ALTER TABLE thin ALTER value SET STORAGE EXTERNAL"));
    DR_RETURN_IF_ERROR(
        Run("PREPARE put AS INSERT INTO thin VALUES ($1, $2)"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value"));
    DR_RETURN_IF_ERROR(Run("PREPARE get AS SELECT value FROM thin WHERE key = $1"));
    return Run(
        "PREPARE list AS SELECT key, octet_length(value)::text FROM thin"
        " WHERE key >= $1 AND key < $1 || '\\xff' ORDER BY key LIMIT 1000");
  }

  absl::Status Put(std::string_view key, std::string_view value) override {
    return Execute("put", {key, value}).status();
  }
  absl::StatusOr<std::string> Get(std::string_view key) override {
    DR_ASSIGN_OR_RETURN(const PgResult rows, Execute("get", {key}));
    return OnlyValue(rows);
  }
  absl::StatusOr<std::vector<dr::ListEntry>> List(std::string_view prefix) override {
    DR_ASSIGN_OR_RETURN(const PgResult rows, Execute("list", {prefix}));
    std::vector<dr::ListEntry> entries;
    for (int row = 0; row < PQntuples(rows.get()); ++row) {
      entries.push_back(
          {std::string(Cell(rows, row, 0)), std::stoull(std::string(Cell(rows, row, 1)))});
    }
    return entries;
  }
  absl::Status PutMany(std::span<const dr::KeyValue> items) override {
    PQenterPipelineMode(connection_.get());
    for (const dr::KeyValue& item : items) DR_RETURN_IF_ERROR(Send("put", {item.key, item.value}));
    return Collect(items.size()).status();
  }
  absl::StatusOr<std::vector<std::string>> GetMany(
      std::span<const std::string_view> keys) override {
    PQenterPipelineMode(connection_.get());
    for (std::string_view key : keys) DR_RETURN_IF_ERROR(Send("get", {key}));
    DR_ASSIGN_OR_RETURN(const std::vector<PgResult> results, Collect(keys.size()));
    std::vector<std::string> values;
    for (const PgResult& rows : results) {
      DR_ASSIGN_OR_RETURN(values.emplace_back(), OnlyValue(rows));
    }
    return values;
  }

 private:
  absl::Status Error() const { return absl::UnavailableError(PQerrorMessage(connection_.get())); }
  bool Succeeded(const PgResult& result) const {
    const ExecStatusType status = PQresultStatus(result.get());
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
  }
  absl::Status Run(const char* sql) {
    const PgResult result(PQexec(connection_.get(), sql));
    return Succeeded(result) ? absl::OkStatus() : Error();
  }
  static absl::StatusOr<std::string> OnlyValue(const PgResult& rows) {
    if (PQntuples(rows.get()) != 1) return absl::NotFoundError("no value");
    return std::string(Cell(rows, 0, 0));
  }
  absl::StatusOr<PgResult> Execute(const char* statement, const Arguments& arguments) {
    PgResult result(PQexecPrepared(connection_.get(), statement, arguments.count,
                                   arguments.values.data(), arguments.lengths.data(),
                                   Arguments::kBinary.data(), 1));
    if (!Succeeded(result)) return Error();
    return result;
  }
  absl::Status Send(const char* statement, const Arguments& arguments) {
    const int sent =
        PQsendQueryPrepared(connection_.get(), statement, arguments.count, arguments.values.data(),
                            arguments.lengths.data(), Arguments::kBinary.data(), 1);
    return sent == 1 ? absl::OkStatus() : Error();
  }
  absl::StatusOr<std::vector<PgResult>> Collect(std::size_t count) {
    if (PQpipelineSync(connection_.get()) != 1) return Error();
    std::vector<PgResult> results;
    for (;;) {
      PgResult result(PQgetResult(connection_.get()));
      if (result == nullptr) continue;  // stands between two commands
      if (PQresultStatus(result.get()) == PGRES_PIPELINE_SYNC) break;
      if (!Succeeded(result)) return Error();
      results.push_back(std::move(result));
    }
    if (PQexitPipelineMode(connection_.get()) != 1 || results.size() != count) return Error();
    return results;
  }

  const Connection connection_;
};

absl::StatusOr<std::unique_ptr<ThinClient>> Open(const std::string&) {
  DR_ASSIGN_OR_RETURN(const std::string uri, ServerVariable("DR_TEST_POSTGRES"));
  Connection connection(PQconnectdb(uri.c_str()));
  if (PQstatus(connection.get()) != CONNECTION_OK) {
    return absl::UnavailableError(PQerrorMessage(connection.get()));
  }
  auto client = std::make_unique<Postgres>(std::move(connection));
  DR_RETURN_IF_ERROR(client->Prepare());
  return client;
}

}  // namespace

ThinPeer ThinPostgres() {
  return {"postgres", "libpq",
          "TCP, the server's defaults, prepared INSERT … ON CONFLICT and SELECT with binary "
          "values, pipeline "
          "mode for a batch; no namespace, version, expiry or hash, waits without an end",
          Open};
}

}  // namespace bench
