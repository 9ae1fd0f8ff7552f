#include "bench/peers/peer.h"

namespace bench {

const Peers& AllPeers() {
  static const Peers all = [] {
    Peers peers;
#ifdef DR_BENCH_ROCKSDB
    AddRocksDb(peers);
#else
    peers.missing.push_back("RocksDB");
#endif
#ifdef DR_BENCH_SQLITE
    AddSqlite(peers);
#else
    peers.missing.push_back("SQLite");
#endif
#ifdef DR_BENCH_LMDB
    AddLmdb(peers);
#else
    peers.missing.push_back("LMDB");
#endif
#ifdef DR_BENCH_REDIS
    AddRedis(peers);
#else
    peers.missing.push_back("Redis");
#endif
#ifdef DR_BENCH_POSTGRES
    AddPostgres(peers);
#else
    peers.missing.push_back("Postgres");
#endif
    return peers;
  }();
  return all;
}

}  // namespace bench
