// One connection to a server, and what it answers. libpqxx owns the connection; statements go over
// libpq's handle without blocking, because libpqxx can neither wait with a deadline nor take values
// in binary.
//
// Nothing is left behind in the server's session, neither a setting nor a prepared statement: a
// pooler may lend it to somebody else after each transaction, and lend us another one.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "adapters/postgres/binary.h"
#include "adapters/postgres/link.h"
#include "adapters/postgres/options.h"
#include "dr/clock.h"
#include "dr/environment/resolver.h"
#include "dr/types.h"

namespace dr::inline v0::postgres {

/// For one thread at a time.
class Connection {
 public:
  /// To the first host that takes it; each has the server's patience. Server and resolver outlive
  /// the connection.
  static absl::StatusOr<std::unique_ptr<Connection>> Dial(const Server& server, Resolver& resolver,
                                                          const Context& context);

  /// Runs a statement in a transaction of its own, or in the one that has begun: one round trip.
  absl::StatusOr<Rows> Ask(const std::string& sql, std::span<const Argument> arguments,
                           const Context& context);
  absl::Status Begin(const Context& context);
  absl::StatusOr<Rows> Commit(const Context& context);
  /// Runs statements without parameters in the transaction that has begun.
  absl::Status Do(const std::string& script, const Context& context);

  /// Nobody knows what the server did with the last statement, nor what it would answer next.
  bool lost() const { return lost_; }
  /// SQLSTATE of the last statement that failed; empty if the server did not say.
  const std::string& sqlstate() const { return sqlstate_; }
  /// In no transaction and in the middle of nothing, and the server has not closed the connection
  /// while it was idle.
  bool IsAlive();
  /// A name as it may stand in SQL.
  absl::StatusOr<std::string> QuoteName(const std::string& name) { return link_->QuoteName(name); }

 private:
  struct Until;
  struct Query {
    std::string_view sql;
    std::span<const Argument> arguments = {};
  };

  Connection(std::unique_ptr<Link> link, const Server& server, const Clock& clock)
      : link_(std::move(link)), server_(server), clock_(clock) {}
  static absl::StatusOr<std::unique_ptr<Connection>> DialHost(const Server& server,
                                                              const Server::Host& host,
                                                              Resolver& resolver,
                                                              const Context& context);
  static absl::StatusOr<RawConnection> Connect(const Server& server, const Server::Host& host,
                                               const std::string& address, const Until& until);
  std::string Settings(const Until& until) const;
  void Start();
  absl::StatusOr<Rows> Send(std::span<const Query> queries, std::size_t wanted, const Until& until);
  absl::StatusOr<Rows> Finish(std::size_t wanted, const Until& until);
  absl::StatusOr<Rows> Failed(const std::shared_ptr<void>& error);
  absl::Status AwaitSent(const Until& until);
  absl::Status AwaitAnswer(const Until& until);
  absl::Status Broken(std::string_view why);

  const std::unique_ptr<Link> link_;
  const Server& server_;
  const Clock& clock_;
  bool in_transaction_ = false;
  std::string sqlstate_;
  bool lost_ = false;
};

}  // namespace dr::inline v0::postgres
