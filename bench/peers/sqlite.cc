#include <sqlite3.h>

#include <filesystem>
#include <mutex>

#include "bench/peers/peer.h"
#include "bench/rate.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace bench {
namespace {

// The WAL is grown once and then written over from its beginning, so that a commit changes no
// length.
constexpr std::string_view kSettings =
    "WAL, synchronous=FULL, exclusive lock, one connection, WAL file reused";
constexpr std::uint64_t kWalPages = 16384;

class Sqlite final : public LogStore {
 public:
  static absl::StatusOr<std::unique_ptr<Sqlite>> Open(const std::string& directory,
                                                      std::uint64_t checkpoint_pages) {
    std::unique_ptr<Sqlite> sqlite(new Sqlite);
    if (sqlite3_open((directory + "/log.db").c_str(), &sqlite->db_) != SQLITE_OK) {
      return sqlite->Error("open");
    }
    DR_RETURN_IF_ERROR(sqlite->Run(fmt::format(
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
        "PRAGMA wal_autocheckpoint={}; CREATE TABLE IF NOT EXISTS log(id INTEGER PRIMARY KEY, "
        "payload BLOB)",
        checkpoint_pages)));
    sqlite3_db_config(sqlite->db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    if (sqlite3_prepare_v2(sqlite->db_, "INSERT INTO log(payload) VALUES(?)", -1, &sqlite->insert_,
                           nullptr) != SQLITE_OK) {
      return sqlite->Error("prepare");
    }
    return sqlite;
  }
  ~Sqlite() override {
    sqlite3_finalize(insert_);
    sqlite3_close(db_);
  }

  absl::Status Append(int, std::span<const std::string_view> records) override {
    std::lock_guard lock(mutex_);
    if (records.size() > 1) DR_RETURN_IF_ERROR(Run("BEGIN"));
    for (std::string_view record : records) {
      sqlite3_bind_blob(insert_, 1, record.data(), static_cast<int>(record.size()), SQLITE_STATIC);
      const int result = sqlite3_step(insert_);
      sqlite3_reset(insert_);
      if (result != SQLITE_DONE) return Error("insert");
    }
    return records.size() > 1 ? Run("COMMIT") : absl::OkStatus();
  }

  absl::Status GrowWal() {
    const std::string filler(1 << 20, 'x');
    const std::vector<std::string_view> records(32, filler);
    DR_RETURN_IF_ERROR(Append(0, records));
    return Run("PRAGMA wal_checkpoint(RESTART); DELETE FROM log; PRAGMA wal_checkpoint(RESTART)");
  }
  absl::StatusOr<std::vector<std::string>> ReadLast(std::uint64_t rows) {
    const std::string sql =
        fmt::format("SELECT payload FROM log WHERE id > (SELECT max(id) FROM log) - {}", rows);
    sqlite3_stmt* select = nullptr;
    if (sqlite3_prepare_v2(db_, sql.c_str(), -1, &select, nullptr) != SQLITE_OK) {
      return Error("prepare");
    }
    std::vector<std::string> read;
    while (sqlite3_step(select) == SQLITE_ROW) {
      read.emplace_back(static_cast<const char*>(sqlite3_column_blob(select, 0)),
                        sqlite3_column_bytes(select, 0));
    }
    if (sqlite3_finalize(select) != SQLITE_OK) return Error("select");
    return read;
  }
  absl::Status Run(const std::string& sql) {
    return sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK ? absl::OkStatus()
                                                                                  : Error(sql);
  }

 private:
  absl::Status Error(std::string_view what) const {
    return absl::UnavailableError(fmt::format("{}: {}", what, sqlite3_errmsg(db_)));
  }

  std::mutex mutex_;
  sqlite3* db_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
};

absl::StatusOr<std::unique_ptr<LogStore>> OpenLog(const std::string& directory, int) {
  DR_ASSIGN_OR_RETURN(std::unique_ptr<Sqlite> sqlite, Sqlite::Open(directory, kWalPages));
  DR_RETURN_IF_ERROR(sqlite->GrowWal());
  return sqlite;
}

absl::Status WriteLog(const std::string& directory, std::uint64_t records, std::size_t bytes) {
  constexpr std::uint64_t kBatch = 1000;
  const std::string payload(bytes, 'x');
  const std::vector<std::string_view> batch(kBatch, payload);
  DR_ASSIGN_OR_RETURN(std::unique_ptr<Sqlite> sqlite, Sqlite::Open(directory, 0));
  for (std::uint64_t done = 0; done < records; done += kBatch) {
    DR_RETURN_IF_ERROR(sqlite->Append(0, batch));
  }
  return absl::OkStatus();
}

PreparedPeer Recovery(const std::string& name, std::string_view settings, bool read_all) {
  return {name, std::string(settings),
          [=](const std::string& directory, std::uint64_t records,
              std::size_t bytes) -> absl::StatusOr<Round> {
            DR_RETURN_IF_ERROR(WriteLog(directory, records, bytes));
            return [=]() -> absl::StatusOr<Measurement> {
              const double begin = Seconds();
              DR_ASSIGN_OR_RETURN(std::unique_ptr<Sqlite> sqlite, Sqlite::Open(directory, 0));
              DR_ASSIGN_OR_RETURN(std::vector<std::string> read,
                                  sqlite->ReadLast(read_all ? records : 1));
              const double elapsed = Seconds() - begin;
              if (read_all && read.size() != records)
                return absl::InternalError("rows are missing");
              return Measurement{elapsed};
            };
          },
          read_all};
}

}  // namespace

void AddSqlite(Peers& peers) {
  peers.logs.push_back({"SQLite", std::string(kSettings), OpenLog});
  peers.recoveries.push_back(Recovery(
      "SQLite", "reads and checks a WAL that was never checkpointed, then copies every row", true));
  peers.recoveries.push_back(Recovery(
      "SQLite open", "the same, but reads only the last row: the state stays on the disk", false));
}

}  // namespace bench
