// A connection that is logged in: requests out, replies in, one each and in order.
#pragma once

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "adapters/redis/reply.h"
#include "adapters/redis/tls.h"
#include "adapters/redis/transport.h"
#include "dr/secret.h"
#include "dr/types.h"

namespace dr::inline v0::redis {

struct Login {
  std::string user = {};
  Secret password = {};
  int database = 0;
};

using Command = std::vector<std::string_view>;

/// Used by one thread at a time. An error *reply* is no error of a call; after an error of a call
/// the connection is not `in_step`.
class Connection {
 public:
  /// `tls` may be null.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const Endpoint& endpoint, const Tls* tls,
                                                          const Login& login, std::size_t max_reply,
                                                          Resolver& resolver,
                                                          const Context& context);

  /// Sends all at once; one reply each.
  absl::StatusOr<std::vector<Reply>> Ask(std::span<const Command> commands, const Context& context);
  absl::StatusOr<Reply> Ask(const Command& command, const Context& context);

  /// The last request left whole: whatever came of it, the server may carry it out.
  bool sent() const { return sent_; }
  /// Whoever asks next gets their own replies.
  bool in_step() const { return in_step_; }
  /// Nothing has come unasked, the end neither: false for a connection that died while idle. Looks
  /// only if it was idle for a while; else it is as if it died under the next request.
  bool Quiet();
  const Endpoint& endpoint() const { return endpoint_; }
  std::string Place() const { return endpoint_.Place(); }

 private:
  Connection(Endpoint endpoint, std::unique_ptr<Transport> transport, std::size_t max_reply,
             const Clock& clock)
      : endpoint_(std::move(endpoint)),
        transport_(std::move(transport)),
        reader_(max_reply),
        clock_(clock) {}
  absl::Status LogIn(const Login& login, const Context& context);
  absl::Status Send(std::span<const Command> commands, const Context& context);
  absl::StatusOr<Reply> Receive(const Context& context);

  const Endpoint endpoint_;
  const std::unique_ptr<Transport> transport_;
  ReplyReader reader_;
  const Clock& clock_;
  Instant last_used_ = {};
  std::vector<char> piece_ = std::vector<char>(std::size_t{64} << 10);
  bool sent_ = false;
  bool in_step_ = true;
};

}  // namespace dr::inline v0::redis
