// Which server is the master of a store's keys now: the one of the URI, the owner of their slot in
// a cluster, or the one that sentinels name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "adapters/redis/connection.h"
#include "adapters/redis/options.h"
#include "dr/mutex.h"

namespace dr::inline v0::redis {

/// The slot of `key`: of what is between its first braces, if there is anything.
std::uint16_t SlotOf(std::string_view key);

/// "MOVED slot host:port" or "ASK …", which a server answers to what it does not carry out.
struct Redirection {
  bool ask = false;  ///< for this request only
  Endpoint to = {};
};
/// None if `reply` is not one. A host that is not told is the one which answered.
std::optional<Redirection> RedirectionOf(const Reply& reply, const Endpoint& answered);

/// Thread-safe.
class Locator {
 public:
  using Open = std::function<absl::StatusOr<std::unique_ptr<Connection>>(const Endpoint& endpoint,
                                                                         const Context& context)>;

  /// `open` connects to nodes and sentinels, `slot` is that of all keys.
  Locator(const Options& options, std::uint16_t slot, Open open);

  /// Asks around if need be. kUnavailable if nobody knows.
  absl::StatusOr<Endpoint> Find(const Context& context);
  /// No master was found there. False if there is nobody to ask for another one.
  bool Doubt(const Endpoint& endpoint);
  /// Its former master says so.
  void Moved(const Endpoint& endpoint);

 private:
  absl::StatusOr<Endpoint> AskAround(const Context& context);
  absl::StatusOr<Endpoint> AskOne(const Endpoint& whom, const Context& context);
  absl::StatusOr<Endpoint> OwnerOfSlot(const Reply& slots, const Endpoint& answered);
  absl::StatusOr<Endpoint> MasterOfService(const Reply& address, const Endpoint& answered) const;

  const Topology topology_;
  const std::string service_;
  const std::uint16_t slot_;
  const std::vector<Endpoint> seeds_;
  const Open open_;
  Mutex mutex_;
  std::optional<Endpoint> master_ ABSL_GUARDED_BY(mutex_);
  std::vector<Endpoint> nodes_ ABSL_GUARDED_BY(mutex_);  // of the cluster, as last heard
  std::size_t first_ ABSL_GUARDED_BY(mutex_) = 0;        // whom to ask first
};

}  // namespace dr::inline v0::redis
