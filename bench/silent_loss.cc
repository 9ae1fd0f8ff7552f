#include "bench/silent_loss.h"

#include <fcntl.h>
#include <rocksdb/db.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "bench/peers/rocksdb.h"
#include "dr/host.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace bench {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kCommits = 300;
constexpr std::size_t kSectorBytes = 512;

std::string Payload(std::uint64_t index) {
  return fmt::format("{:08} {}", index, std::string(91, 'x'));
}

/// Open, and what is in it. Lives in a process of its own.
class Store {
 public:
  virtual ~Store() = default;
  virtual absl::Status Commit(std::uint64_t index) = 0;
  /// How many of the first commits are there, each as it was made.
  virtual std::uint64_t Count() = 0;
};

struct Candidate {
  std::string name;
  std::function<absl::StatusOr<std::unique_ptr<Store>>(const std::string& directory)> open;
  std::string log_suffix;               ///< of the names of its log files
  std::chrono::milliseconds rest = {};  ///< between the last commit and the kill
};

class Ledger final : public dr::StatefulComponent {
 public:
  Ledger() : StatefulComponent("ledger", {.name = "ledger", .version = 1}) {}
  absl::Status Add(std::uint64_t index) { return Commit(Payload(index)).status(); }
  std::uint64_t good() const { return good_; }

 private:
  absl::Status Apply(const dr::Operation& operation) override {
    if (operation.payload == Payload(good_)) ++good_;
    return absl::OkStatus();
  }
  absl::Status SaveState(dr::StateWriter&) const override { return absl::OkStatus(); }
  absl::Status LoadState(dr::StateReader&) override { return absl::OkStatus(); }
  std::uint64_t good_ = 0;
};

class DrStore final : public Store {
 public:
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& directory) {
    auto store = std::make_unique<DrStore>();
    DR_ASSIGN_OR_RETURN(store->host_, dr::Host::Open({.directory = directory,
                                                      .components = {&store->ledger_},
                                                      .log = {.segment_bytes = 1 << 20}},
                                                     dr::AdapterRegistry()));
    DR_RETURN_IF_ERROR(store->host_->Start());
    return store;
  }
  absl::Status Commit(std::uint64_t index) override { return ledger_.Add(index); }
  std::uint64_t Count() override { return ledger_.good(); }

 private:
  Ledger ledger_;
  std::unique_ptr<dr::Host> host_;
};

class RocksDbStore final : public Store {
 public:
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& directory,
                                                     ::rocksdb::WALRecoveryMode mode) {
    ::rocksdb::Options options;
    options.create_if_missing = true;
    options.wal_recovery_mode = mode;
    auto store = std::make_unique<RocksDbStore>();
    DR_ASSIGN_OR_RETURN(store->db_, OpenRocksDb(options, directory));
    return store;
  }
  absl::Status Commit(std::uint64_t index) override {
    ::rocksdb::WriteOptions options;
    options.sync = true;
    return FromRocksDb(db_->Put(options, fmt::format("{:08}", index), Payload(index)), "put");
  }
  std::uint64_t Count() override {
    std::string value;
    std::uint64_t good = 0;
    while (db_->Get({}, fmt::format("{:08}", good), &value).ok() && value == Payload(good)) ++good;
    return good;
  }

 private:
  std::unique_ptr<::rocksdb::DB> db_;
};

class SqliteStore final : public Store {
 public:
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& directory) {
    auto store = std::make_unique<SqliteStore>();
    DR_RETURN_IF_ERROR(
        store->Check(sqlite3_open((directory + "/store.db").c_str(), &store->db_), SQLITE_OK));
    DR_RETURN_IF_ERROR(
        store->Run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                   "CREATE TABLE IF NOT EXISTS log(id INTEGER, payload TEXT)"));
    return store;
  }
  ~SqliteStore() override { sqlite3_close(db_); }
  absl::Status Commit(std::uint64_t index) override {
    return Run(fmt::format("INSERT INTO log VALUES({}, '{}')", index, Payload(index)));
  }
  std::uint64_t Count() override {
    std::uint64_t good = 0;
    const auto count = [](void* to, int, char** columns, char**) {
      auto& so_far = *static_cast<std::uint64_t*>(to);
      if (columns[0] == Payload(so_far)) ++so_far;
      return 0;
    };
    sqlite3_exec(db_, "SELECT payload FROM log ORDER BY id", count, &good, nullptr);
    return good;
  }

 private:
  absl::Status Run(const std::string& sql) {
    return Check(sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
  }
  absl::Status Check(int result, int wanted) const {
    return result == wanted ? absl::OkStatus() : absl::DataLossError(sqlite3_errmsg(db_));
  }
  sqlite3* db_ = nullptr;
};

std::vector<Candidate> Candidates() {
  using ::rocksdb::WALRecoveryMode;
  const auto rocksdb = [](WALRecoveryMode mode) {
    return [mode](const std::string& directory) { return RocksDbStore::Open(directory, mode); };
  };
  return {
      {"dr", DrStore::Open, ".wal"},
      {"dr, 100 ms after the last", DrStore::Open, ".wal", std::chrono::milliseconds(100)},
      {"RocksDB (default)", rocksdb(WALRecoveryMode::kPointInTimeRecovery), ".log"},
      {"RocksDB (absolute)", rocksdb(WALRecoveryMode::kAbsoluteConsistency), ".log"},
      {"SQLite (WAL, FULL)", SqliteStore::Open, "-wal"},
  };
}

/// A child that says numbers through a pipe until it ends.
class Child {
 public:
  explicit Child(const std::function<bool(int pipe)>& body) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    pid_ = fork();
    if (pid_ == 0) _exit(body(ends[1]) ? 0 : 1);
    close(ends[1]);
    pipe_ = ends[0];
  }
  ~Child() {
    if (pipe_ >= 0) close(pipe_);
  }
  std::optional<std::uint64_t> Hear() const {
    std::uint64_t number = 0;
    if (read(pipe_, &number, sizeof(number)) != sizeof(number)) return std::nullopt;
    return number;
  }
  void End(int signal) const {
    if (signal != 0) kill(pid_, signal);
    waitpid(pid_, nullptr, 0);
  }

 private:
  pid_t pid_ = -1;
  int pipe_ = -1;
};

bool Say(int pipe, std::uint64_t number) {
  return write(pipe, &number, sizeof(number)) == sizeof(number);
}

absl::Status CommitAndDie(const Candidate& candidate, const std::string& directory) {
  const Child child([&](int pipe) {
    absl::StatusOr<std::unique_ptr<Store>> store = candidate.open(directory);
    for (std::uint64_t i = 0; store.ok() && i < kCommits; ++i) {
      if (!(*store)->Commit(i).ok() || !Say(pipe, i)) return false;
    }
    pause();
    return false;
  });
  std::uint64_t acknowledged = 0;
  while (acknowledged < kCommits && child.Hear()) ++acknowledged;
  std::this_thread::sleep_for(candidate.rest);
  child.End(SIGKILL);
  return acknowledged == kCommits ? absl::OkStatus()
                                  : absl::InternalError(candidate.name + " did not commit");
}

// Only where something was written: the files are longer than what was put into them.
absl::Status FlipOneBit(const Candidate& candidate, const std::string& directory,
                        std::mt19937_64& chance) {
  struct Sector {
    fs::path file;
    std::uint64_t offset;
  };
  std::vector<Sector> sectors;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory)) {
    const std::string name = entry.path().filename();
    if (!name.ends_with(candidate.log_suffix)) continue;
    const int fd = open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    char bytes[kSectorBytes];
    for (std::uint64_t at = 0;; at += kSectorBytes) {
      const ssize_t got = pread(fd, bytes, sizeof(bytes), static_cast<off_t>(at));
      if (got <= 0) break;
      if (std::any_of(bytes, bytes + got, [](char c) { return c != 0; })) {
        sectors.push_back({entry.path(), at});
      }
    }
    close(fd);
  }
  if (sectors.empty()) return absl::InternalError(candidate.name + " has no log");
  const Sector& sector = sectors[chance() % sectors.size()];
  const int fd = open(sector.file.c_str(), O_RDWR | O_CLOEXEC);
  char byte = 0;
  const auto size = static_cast<std::uint64_t>(lseek(fd, 0, SEEK_END));
  const std::uint64_t in_sector = std::min<std::uint64_t>(kSectorBytes, size - sector.offset);
  const auto at = static_cast<off_t>(sector.offset + chance() % in_sector);
  bool flipped = pread(fd, &byte, 1, at) == 1;
  byte = static_cast<char>(byte ^ (1 << chance() % 8));
  flipped = flipped && pwrite(fd, &byte, 1, at) == 1;
  close(fd);
  return flipped ? absl::OkStatus() : absl::InternalError("no bit could be flipped");
}

// nullopt: it said that something is wrong.
std::optional<std::uint64_t> Recover(const Candidate& candidate, const std::string& directory) {
  const Child child([&](int pipe) {
    absl::StatusOr<std::unique_ptr<Store>> store = candidate.open(directory);
    return store.ok() && Say(pipe, (*store)->Count());
  });
  std::optional<std::uint64_t> count = child.Hear();
  child.End(0);
  return count;
}

// One round; nullopt: the damage was noticed.
absl::StatusOr<std::optional<std::uint64_t>> LeftAfter(const Candidate& candidate, Place& place,
                                                       bool flip, std::mt19937_64& chance) {
  DR_ASSIGN_OR_RETURN(std::string directory, place.Fresh("loss"));
  DR_RETURN_IF_ERROR(CommitAndDie(candidate, directory));
  if (flip) DR_RETURN_IF_ERROR(FlipOneBit(candidate, directory, chance));
  std::optional<std::uint64_t> left = Recover(candidate, directory);
  place.Clear();
  return left;
}

}  // namespace

absl::Status PrintSilentLoss(Place& place, int rounds) {
  fmt::print("{:<28} {:>7} {:>9} {:>9} {:>14} {:>12}\n", "one bit of the log flipped", "rounds",
             "complete", "refused", "silently lost", "records lost");
  std::mt19937_64 chance(1);
  for (const Candidate& candidate : Candidates()) {
    int complete = 0, refused = 0, lost = 0;
    std::uint64_t records = 0;
    DR_ASSIGN_OR_RETURN(const std::optional<std::uint64_t> unharmed,
                        LeftAfter(candidate, place, false, chance));
    if (unharmed != kCommits) return absl::InternalError(candidate.name + " lost without a flip");
    for (int round = 0; round < rounds; ++round) {
      if (Place::stopping()) return absl::CancelledError("told to stop");
      DR_ASSIGN_OR_RETURN(const std::optional<std::uint64_t> left,
                          LeftAfter(candidate, place, true, chance));
      complete += left == kCommits;
      refused += !left.has_value();
      lost += left && *left < kCommits;
      records += left ? kCommits - *left : 0;
    }
    fmt::print("{:<28} {:>7} {:>9} {:>9} {:>14} {:>12}\n", candidate.name, rounds, complete,
               refused, lost, records);
    std::fflush(stdout);
  }
  return absl::OkStatus();
}

}  // namespace bench
