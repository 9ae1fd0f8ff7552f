#include <sqlite3.h>

#include <filesystem>
#include <mutex>

#include "bench/peers/peer.h"
#include "bench/rate.h"
#include "fmt/format.h"
#include "src/base/status_macros.h"

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

absl::StatusOr<Round> PrepareRecovery(const std::string& directory, std::uint64_t records,
                                      std::size_t bytes) {
  constexpr std::uint64_t kBatch = 1000;
  const std::string payload(bytes, 'x');
  const std::vector<std::string_view> batch(kBatch, payload);
  {
    DR_ASSIGN_OR_RETURN(std::unique_ptr<Sqlite> sqlite, Sqlite::Open(directory, 0));
    for (std::uint64_t done = 0; done < records; done += kBatch) {
      DR_RETURN_IF_ERROR(sqlite->Append(0, batch));
    }
  }
  return [directory]() -> absl::StatusOr<Measurement> {
    const double begin = Seconds();
    DR_ASSIGN_OR_RETURN(std::unique_ptr<Sqlite> sqlite, Sqlite::Open(directory, 0));
    DR_RETURN_IF_ERROR(sqlite->Run("SELECT payload FROM log ORDER BY id DESC LIMIT 1"));
    return Measurement{Seconds() - begin};
  };
}

}  // namespace

void AddSqlite(Peers& peers) {
  peers.logs.push_back({"SQLite", std::string(kSettings), OpenLog});
  peers.recoveries.push_back(
      {"SQLite", "reads and checks a WAL that was never checkpointed", PrepareRecovery});
}

}  // namespace bench
