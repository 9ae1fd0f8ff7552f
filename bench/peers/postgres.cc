#include <libpq-fe.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "bench/peers/peer.h"
#include "bench/peers/server_process.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace bench {
namespace {

constexpr std::string_view kUser = "postgres";
constexpr std::string_view kSettings =
    "fsync and synchronous_commit on, WAL files recycled, prepared INSERT over a unix socket, one "
    "connection per writer, pipelined in one transaction where more than one is outstanding";

// Debian keeps the server's programs beside those that everybody may call.
std::string Program(const std::string& name) {
  std::string newest;
  std::error_code none;
  for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql", none)) {
    newest = std::max(newest, version.path().string());
  }
  return newest.empty() ? name : newest + "/bin/" + name;
}

struct Disconnect {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct Forget {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Connection = std::unique_ptr<PGconn, Disconnect>;
using PgResult = std::unique_ptr<PGresult, Forget>;

class Postgres final : public LogStore {
 public:
  Postgres() = default;
  ~Postgres() override { connections_.clear(); }

  absl::Status Open(const std::string& directory, int threads, int commit_delay) {
    DR_RETURN_IF_ERROR(GiveTo(directory, std::string(kUser)));
    const std::string data = directory + "/data", output = directory + "/server.log";
    DR_RETURN_IF_ERROR(
        RunToEnd({.arguments = {Program("initdb"), "-D", data, "-A", "trust", "-U",
                                std::string(kUser), "--no-sync", "-E", "UTF8", "--locale=C"},
                  .user = std::string(kUser),
                  .output = output,
                  .stop_signal = SIGINT}));
    const ServerCommand server{
        .arguments = {Program("postgres"), "-D", data, "-k", directory, "-c",
                      "listen_addresses=", "-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB",
                      "-c", "min_wal_size=1GB", "-c", "checkpoint_timeout=1h", "-c",
                      "autovacuum=off", "-c", fmt::format("commit_delay={}", commit_delay)},
        .user = std::string(kUser),
        .output = output,
        .stop_signal = SIGINT};
    info_ = fmt::format("host={} user={} dbname=postgres", directory, kUser);
    DR_ASSIGN_OR_RETURN(server_, ServerProcess::Start(server, [this] { return Connect().ok(); }));
    DR_ASSIGN_OR_RETURN(Connection first, Connect());
    DR_RETURN_IF_ERROR(Run(*first, "CREATE TABLE log(payload bytea)"));
    DR_RETURN_IF_ERROR(Run(*first, "ALTER TABLE log ALTER payload SET STORAGE EXTERNAL"));
    DR_RETURN_IF_ERROR(WarmWal(*first));
    for (int i = 0; i < threads; ++i) {
      DR_ASSIGN_OR_RETURN(Connection connection, Connect());
      PgResult prepared(
          PQprepare(connection.get(), "append", "INSERT INTO log VALUES($1)", 1, nullptr));
      if (PQresultStatus(prepared.get()) != PGRES_COMMAND_OK) return Error(*connection);
      connections_.push_back(std::move(connection));
    }
    return absl::OkStatus();
  }

  absl::Status Append(int thread, std::span<const std::string_view> records) override {
    PGconn& connection = *connections_[thread];
    if (records.size() > 1) return AppendPipelined(connection, records);
    const char* value = records.front().data();
    const int length = static_cast<int>(records.front().size()), binary = 1;
    PgResult result(PQexecPrepared(&connection, "append", 1, &value, &length, &binary, 0));
    return PQresultStatus(result.get()) == PGRES_COMMAND_OK ? absl::OkStatus() : Error(connection);
  }

 private:
  static absl::Status Error(PGconn& connection) {
    return absl::UnavailableError(PQerrorMessage(&connection));
  }
  absl::StatusOr<Connection> Connect() const {
    Connection connection(PQconnectdb(info_.c_str()));
    if (PQstatus(connection.get()) != CONNECTION_OK) return Error(*connection);
    return connection;
  }
  static absl::Status Run(PGconn& connection, const char* sql) {
    PgResult result(PQexec(&connection, sql));
    const ExecStatusType status = PQresultStatus(result.get());
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? absl::OkStatus()
                                                                   : Error(connection);
  }
  // Files that were written once and are used again, as in a server that has been running for a
  // while.
  static absl::Status WarmWal(PGconn& connection) {
    DR_RETURN_IF_ERROR(
        Run(connection,
            "CREATE TABLE warm AS SELECT repeat('x', 8000) AS x FROM generate_series(1, 1)"));
    DR_RETURN_IF_ERROR(Run(connection, "ALTER TABLE warm ALTER x SET STORAGE EXTERNAL"));
    DR_RETURN_IF_ERROR(Run(
        connection, "INSERT INTO warm SELECT repeat('x', 8000) FROM generate_series(1, 25000)"));
    DR_RETURN_IF_ERROR(Run(connection, "DROP TABLE warm"));
    return Run(connection, "CHECKPOINT");
  }
  static absl::Status AppendPipelined(PGconn& connection,
                                      std::span<const std::string_view> records) {
    if (PQenterPipelineMode(&connection) != 1) return Error(connection);
    for (std::string_view record : records) {
      const char* value = record.data();
      const int length = static_cast<int>(record.size()), binary = 1;
      if (PQsendQueryPrepared(&connection, "append", 1, &value, &length, &binary, 0) != 1) {
        return Error(connection);
      }
    }
    if (PQpipelineSync(&connection) != 1) return Error(connection);
    for (;;) {
      PgResult result(PQgetResult(&connection));
      if (result == nullptr) continue;  // stands between two commands
      const ExecStatusType status = PQresultStatus(result.get());
      if (status == PGRES_PIPELINE_SYNC) break;
      if (status != PGRES_COMMAND_OK) return Error(connection);
    }
    return PQexitPipelineMode(&connection) == 1 ? absl::OkStatus() : Error(connection);
  }

  std::string info_;
  std::unique_ptr<ServerProcess> server_;
  std::vector<Connection> connections_;
};

LogPeer Variant(const std::string& name, std::string_view settings, int commit_delay) {
  return {name, fmt::format("{}{}", kSettings, settings),
          [commit_delay](const std::string& directory,
                         int threads) -> absl::StatusOr<std::unique_ptr<LogStore>> {
            auto postgres = std::make_unique<Postgres>();
            DR_RETURN_IF_ERROR(postgres->Open(directory, threads, commit_delay));
            return postgres;
          }};
}

}  // namespace

void AddPostgres(Peers& peers) {
  peers.logs.push_back(Variant("Postgres", "", 0));
  peers.logs.push_back(Variant("Postgres delayed", "; commit_delay 50 us", 50));
}

}  // namespace bench
