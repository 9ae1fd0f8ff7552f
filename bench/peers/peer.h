// What dr is measured against, one source per peer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/peers/thin_client.h"
#include "bench/row.h"

namespace bench {

/// A log, or whatever a peer offers in its place. Append is called on as many threads as were named
/// when it was opened, with their numbers.
class LogStore {
 public:
  virtual ~LogStore() = default;
  /// Returns when all `records` would survive a power cut.
  virtual absl::Status Append(int thread, std::span<const std::string_view> records) = 0;
};

/// Keys and values, and whatever a peer calls a copy of all at one moment.
class StateStore {
 public:
  virtual ~StateStore() = default;
  /// Without a sync.
  virtual absl::Status Put(std::uint64_t key, std::string_view value) = 0;
  /// Puts `value` at 0 … keys-1.
  virtual absl::Status Fill(std::uint64_t keys, std::string_view value);
  /// Returns when the copy is complete; Put goes on meanwhile, on another thread.
  virtual absl::Status Checkpoint() = 0;
};

struct LogPeer {
  std::string name, settings;
  std::function<absl::StatusOr<std::unique_ptr<LogStore>>(const std::string& directory,
                                                          int threads)>
      open;
  int batch = 1;  ///< records in a call of a buffered row
};
struct StatePeer {
  std::string name, settings;
  std::function<absl::StatusOr<std::unique_ptr<StateStore>>(const std::string& directory)> open;
};
/// Writes `records` records of `bytes` bytes; its rounds then do what the row is about.
struct PreparedPeer {
  std::string name, settings;
  std::function<absl::StatusOr<Round>(const std::string& directory, std::uint64_t records,
                                      std::size_t bytes)>
      prepare;
  bool comparable = true;  ///< as a Contender's
};

struct Peers {
  std::vector<LogPeer> logs = {};
  std::vector<LogPeer> buffered = {};         ///< their Append syncs nothing
  std::vector<PreparedPeer> replays = {};     ///< records/s read
  std::vector<PreparedPeer> recoveries = {};  ///< s until all records are in the process's memory
  std::vector<StatePeer> states = {};
  std::vector<ThinPeer> thin = {};  ///< one for each adapter
};
const Peers& AllPeers();

void AddRocksDb(Peers& peers);
void AddSqlite(Peers& peers);
void AddLmdb(Peers& peers);
void AddRedis(Peers& peers);
void AddPostgres(Peers& peers);

}  // namespace bench
