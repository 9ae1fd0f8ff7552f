// The server that has a store's keys, whichever that is at the time: connections to it, the search
// for it when it has changed, and what was asked of a former one asked again of its successor.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "adapters/redis/connection.h"
#include "adapters/redis/ledger.h"
#include "adapters/redis/locator.h"
#include "adapters/redis/options.h"
#include "adapters/redis/scripts.h"
#include "adapters/redis/tls.h"
#include "dr/adapter/connection_pool.h"
#include "dr/environment/resolver.h"

namespace dr::inline v0::redis {

/// Thread-safe.
class Master {
 public:
  /// `counter` is the ledger's key. `tls` may be null.
  Master(Options options, std::unique_ptr<Tls> tls, std::string counter, std::size_t max_reply,
         const Clock& clock);

  struct Exchange {
    absl::StatusOr<std::vector<Reply>> replies;  ///< one for each command; error replies too
    /// The server may carry it out, or have done so, whatever is known of it.
    bool sent = false;
    std::uint64_t admitted = 0;  ///< the ledger's number of the server that answered
  };
  /// Sends all at once. Follows MOVED and ASK, up to a bound.
  Exchange Ask(std::span<const Command> commands, const Context& context);
  /// In one round trip; in two if the server does not know the script yet.
  Exchange Run(const Script& script, const Command& keys, const Command& arguments,
               const Context& context);

  /// Who asks next does so on a new connection, for which the server is looked at.
  void ConnectAnew() { pool_.CloseIdle(); }

  Ledger& ledger() { return ledger_; }
  const Options& options() const { return options_; }
  std::string Place() const { return options_.seeds[0].Place(); }

 private:
  struct Admitted {
    std::unique_ptr<Connection> connection;
    std::uint64_t number = 0;  ///< by the ledger
  };
  using Pool = ConnectionPool<Admitted>;

  absl::StatusOr<std::unique_ptr<Connection>> Open(const Endpoint& endpoint,
                                                   const Context& context);
  absl::StatusOr<std::unique_ptr<Admitted>> Dial(const Context& context);
  absl::StatusOr<std::unique_ptr<Admitted>> Greet(const Endpoint& endpoint, const Context& context);
  absl::StatusOr<Pool::Lease> Take(const Context& context);
  /// On a connection from the pool, redirections as they come.
  Exchange AskOnce(std::span<const Command> commands, const Context& context, Endpoint& answered);
  /// `reply` to `command`, or what the servers answer that it leads to.
  void Follow(const Command& command, Endpoint answered, Reply& reply, Exchange& exchange,
              const Context& context);
  absl::StatusOr<Reply> AskAt(const Endpoint& endpoint, const Command& command, bool& sent,
                              const Context& context);

  const Options options_;
  const std::unique_ptr<Tls> tls_;
  const std::string counter_;
  const std::size_t max_reply_;
  Resolver resolver_;
  Locator locator_;
  Ledger ledger_;
  Pool pool_;
};

}  // namespace dr::inline v0::redis
