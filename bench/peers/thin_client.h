// What dr's adapters are measured against: what somebody writes who needs whole values under keys
// in one store, with its driver and as few calls as that takes.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/adapter/state_adapter.h"

namespace bench {

/// Used by one thread at a time.
class ThinClient {
 public:
  virtual ~ThinClient() = default;
  /// Returns when the value would survive a power cut, if the store is of that kind.
  virtual absl::Status Put(std::string_view key, std::string_view value) = 0;
  virtual absl::StatusOr<std::string> Get(std::string_view key) = 0;
  /// The first thousand keys that start with `prefix`, in order, and the lengths of their values.
  virtual absl::StatusOr<std::vector<dr::ListEntry>> List(std::string_view prefix) = 0;
  /// The best that the driver offers for several at once; else one after the other.
  virtual absl::Status PutMany(std::span<const dr::KeyValue> items);
  virtual absl::StatusOr<std::vector<std::string>> GetMany(std::span<const std::string_view> keys);
};

struct ThinPeer {
  std::string adapter;  ///< of dr, on the same store
  std::string name, settings;
  /// Servers are where the environment says; the directory is empty and the client's own.
  std::function<absl::StatusOr<std::unique_ptr<ThinClient>>(const std::string& directory)> open;
};

/// What scripts/servers has put into a variable; kFailedPrecondition saying so if it is missing.
absl::StatusOr<std::string> ServerVariable(const std::string& name);

ThinPeer ThinFiles();
ThinPeer ThinRocksDb();
ThinPeer ThinRedis();
ThinPeer ThinPostgres();
ThinPeer ThinS3();

}  // namespace bench
