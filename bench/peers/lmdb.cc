#include <lmdb.h>

#include "bench/peers/peer.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace bench {
namespace {

constexpr std::string_view kSettings = "default flags (synchronous), appended in key order";
constexpr std::size_t kMapBytes = std::size_t{16} << 30;

absl::Status Check(int result, std::string_view what) {
  if (result == MDB_SUCCESS) return absl::OkStatus();
  return absl::UnavailableError(fmt::format("{}: {}", what, mdb_strerror(result)));
}

class Lmdb final : public LogStore {
 public:
  ~Lmdb() override { mdb_env_close(env_); }

  absl::Status Open(const std::string& directory) {
    DR_RETURN_IF_ERROR(Check(mdb_env_create(&env_), "create"));
    DR_RETURN_IF_ERROR(Check(mdb_env_set_mapsize(env_, kMapBytes), "map size"));
    DR_RETURN_IF_ERROR(Check(mdb_env_open(env_, directory.c_str(), 0, 0600), "open"));
    MDB_txn* txn = nullptr;
    DR_RETURN_IF_ERROR(Check(mdb_txn_begin(env_, nullptr, 0, &txn), "begin"));
    DR_RETURN_IF_ERROR(Check(mdb_dbi_open(txn, nullptr, MDB_INTEGERKEY, &dbi_), "open table"));
    return Check(mdb_txn_commit(txn), "commit");
  }

  // One writer at a time: mdb_txn_begin waits for the others.
  absl::Status Append(int, std::span<const std::string_view> records) override {
    MDB_txn* txn = nullptr;
    DR_RETURN_IF_ERROR(Check(mdb_txn_begin(env_, nullptr, 0, &txn), "begin"));
    for (std::string_view record : records) {
      MDB_val key{sizeof(next_key_), &next_key_};
      MDB_val value{record.size(), const_cast<char*>(record.data())};
      if (int result = mdb_put(txn, dbi_, &key, &value, MDB_APPEND); result != MDB_SUCCESS) {
        mdb_txn_abort(txn);
        return Check(result, "put");
      }
      ++next_key_;
    }
    return Check(mdb_txn_commit(txn), "commit");
  }

 private:
  MDB_env* env_ = nullptr;
  MDB_dbi dbi_ = 0;
  std::uint64_t next_key_ = 0;  // by whoever has the transaction
};

absl::StatusOr<std::unique_ptr<LogStore>> OpenLog(const std::string& directory, int) {
  auto lmdb = std::make_unique<Lmdb>();
  DR_RETURN_IF_ERROR(lmdb->Open(directory));
  return lmdb;
}

}  // namespace

void AddLmdb(Peers& peers) { peers.logs.push_back({"LMDB", std::string(kSettings), OpenLog}); }

}  // namespace bench
