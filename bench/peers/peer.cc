#include "bench/peers/peer.h"

#include "dr/status_macros.h"

namespace bench {

absl::Status StateStore::Fill(std::uint64_t keys, std::string_view value) {
  for (std::uint64_t key = 0; key < keys; ++key) DR_RETURN_IF_ERROR(Put(key, value));
  return absl::OkStatus();
}

const Peers& AllPeers() {
  static const Peers all = [] {
    Peers peers;
    for (auto add : {AddRocksDb, AddSqlite, AddLmdb, AddRedis, AddPostgres}) add(peers);
    peers.thin = {ThinFiles(), ThinRocksDb(), ThinRedis(), ThinPostgres(), ThinS3()};
    return peers;
  }();
  return all;
}

}  // namespace bench
