// Names of hosts to addresses, without waiting for longer than a call may take.
//
//   dr::Resolver resolver(clock);       // one for all connections of a store
//   absl::StatusOr<std::vector<dr::Address>> found =
//       resolver.Resolve("db.example", std::chrono::seconds(10), context);
//   for (const dr::Address& address : *found) …      // in the system's order
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dr/clock.h"
#include "dr/export.h"
#include "dr/mutex.h"
#include "dr/types.h"

namespace dr::inline v0 {

/// As connect() takes it, for IPv4 or IPv6.
struct Address {
  sockaddr_storage bytes = {};  ///< the structure of its family
  socklen_t size = 0;           ///< of that structure
};

/// The numbers of an address, without its port.
DR_EXPORT std::string TextOf(const Address& address);

/// Thread-safe. The system's resolver takes no deadline, so a name is looked up on a thread of its
/// own, which may outlive everything here and touches none of it; at most one at a time per name.
class DR_EXPORT Resolver {
 public:
  /// As getaddrinfo with a numeric port and no hints but the kind of socket: 0 or an error of its.
  using Lookup = std::function<int(const std::string& host, std::vector<Address>& found)>;

  /// Asks the system. The clock outlives the resolver.
  explicit Resolver(const Clock& clock);
  /// Asks `lookup`, on threads of its own.
  Resolver(const Clock& clock, Lookup lookup) : clock_(clock), lookup_(std::move(lookup)) {}

  /// The one it was made with.
  const Clock& clock() const { return clock_; }

  /// At least one, with port 0; a numeric address is its own answer. kUnavailable for a name that
  /// was not found, or not within `patience`; kDeadlineExceeded or kCancelled as `context` says.
  absl::StatusOr<std::vector<Address>> Resolve(const std::string& host,
                                               std::chrono::nanoseconds patience,
                                               const Context& context);

 private:
  struct Search;
  std::shared_ptr<Search> Join(const std::string& host);
  void Begin(const std::string& host, const std::shared_ptr<Search>& search) const;
  void Forget(const std::string& host, const std::shared_ptr<Search>& search);

  const Clock& clock_;
  const Lookup lookup_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<Search>> under_way_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dr::inline v0
