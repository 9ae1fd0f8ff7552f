// One connection to a server, and what it answers. libpqxx owns the connection; statements go over
// libpq's handle without blocking, because libpqxx 6 can neither wait with a deadline nor take
// values in binary.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/clock.h"
#include "dr/secret.h"
#include "dr/types.h"

namespace dr::inline v0::postgres {

struct Server {
  std::string host;  ///< a name, an address, or the folder of a unix socket
  std::string port;
  std::string database;
  std::string user;
  Secret password;
  std::string sslmode;
  std::string sslrootcert;
  std::string place;                   ///< for errors: the URI without its secrets
  std::chrono::milliseconds patience;  ///< how long a call without a deadline waits
};

/// `name` is unique among all that a session is asked.
struct Statement {
  std::string_view name;
  std::string sql;
};

/// The value of a parameter, sent in binary; one without data is NULL.
struct Argument {
  std::string_view bytes;
  bool null = false;
};

/// What a statement gave, in binary.
class Rows {
 public:
  explicit Rows(std::shared_ptr<void> result) : result_(std::move(result)) {}
  int size() const;
  std::string_view At(int row, int column) const;
  /// Rows that were changed.
  std::uint64_t affected() const;

 private:
  std::shared_ptr<void> result_;  // PGresult
};

/// For one thread at a time.
class Session {
 public:
  static absl::StatusOr<std::unique_ptr<Session>> Dial(const Server& server, const Clock& clock,
                                                       const Context& context);
  ~Session();

  /// Prepares the statement once, and runs it.
  absl::StatusOr<Rows> Ask(const Statement& statement, std::span<const Argument> arguments,
                           const Context& context);
  /// Runs a statement without parameters, or several.
  absl::Status Do(const std::string& sql, const Context& context);

  /// Nobody knows what the server did with the last statement, nor what it would answer next.
  bool lost() const { return lost_; }
  /// SQLSTATE of the last statement that failed; empty if the server did not say.
  const std::string& sqlstate() const { return sqlstate_; }
  /// The server has not closed the connection while it was idle.
  bool IsAlive();
  /// A name as it may stand in SQL.
  absl::StatusOr<std::string> QuoteName(const std::string& name);

 private:
  class Link;
  struct Until;

  Session(std::unique_ptr<Link> link, const Server& server, const Clock& clock);
  absl::Status SetUp(const Context& context);
  absl::Status LimitOnServer(const Until& until);
  absl::StatusOr<Rows> Finish(const Until& until);
  absl::Status AwaitSent(const Until& until);
  absl::Status AwaitAnswer(const Until& until);
  absl::Status Broken();

  std::unique_ptr<Link> link_;
  const Server& server_;
  const Clock& clock_;
  std::set<std::string_view> prepared_;
  std::int64_t server_limit_ms_ = 0;
  std::string sqlstate_;
  bool lost_ = false;
};

/// The bytes of an int8, and of arrays of bytea or text, as binary arguments.
std::string EncodeInt64(std::int64_t value);
enum class ArrayOf : std::uint32_t { kBytes = 17, kText = 25 };
std::string EncodeArray(ArrayOf type, std::span<const std::string_view> elements);

}  // namespace dr::inline v0::postgres
