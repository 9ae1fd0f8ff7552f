#include "adapters/redis/master.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "adapters/redis/error.h"
#include "adapters/redis/server_facts.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0::redis {
namespace {

constexpr std::size_t kConnections = 8;
constexpr int kMaxHops = 5;

absl::Status NotTheMaster(std::string_view place, std::string_view why) {
  return MakeFault({.kind = FaultKind::kBusy,
                    .place = std::string(place),
                    .next = "try again in a moment: a fail-over may be under way"},
                   why);
}

absl::StatusOr<std::int64_t> CountOf(const Reply& reply, const std::string& counter) {
  if (reply.failed()) return ErrorOf(reply, counter);
  if (reply.type == Reply::Type::kNothing) return Ledger::kNone;
  std::int64_t count = 0;
  const char* const end = reply.text.data() + reply.text.size();
  const auto [stopped, error] = std::from_chars(reply.text.data(), end, count);
  if (error == std::errc() && stopped == end && count >= 0) return count;
  return MakeFault({.kind = FaultKind::kAuthFailed,
                    .place = counter,
                    .next = "something else uses this key: choose another namespace"},
                   "it counts no writes");
}

}  // namespace

Master::Master(Options options, std::unique_ptr<Tls> tls, std::string counter,
               std::size_t max_reply, const Clock& clock)
    : options_(std::move(options)),
      tls_(std::move(tls)),
      counter_(std::move(counter)),
      max_reply_(max_reply),
      resolver_(clock),
      locator_(options_, SlotOf(counter_),
               [this](const Endpoint& endpoint, const Context& context) {
                 // A sentinel has users and databases of its own, so it is told nothing of these.
                 return options_.topology == Topology::kSentinel
                            ? Connection::Open(endpoint, tls_.get(), {}, max_reply_, resolver_,
                                               context)
                            : Open(endpoint, context);
               }),
      pool_(kConnections, clock, [this](const Context& context) { return Dial(context); }) {}

absl::StatusOr<std::unique_ptr<Connection>> Master::Open(const Endpoint& endpoint,
                                                         const Context& context) {
  return Connection::Open(endpoint, tls_.get(), options_.login, max_reply_, resolver_, context);
}

absl::StatusOr<std::unique_ptr<Master::Admitted>> Master::Dial(const Context& context) {
  std::vector<Endpoint> failed;  // after a fail-over some nodes name the former master for a while
  absl::Status last;
  for (int hop = 0; hop < kMaxHops; ++hop) {
    DR_ASSIGN_OR_RETURN(const Endpoint endpoint, locator_.Find(context));
    if (std::find(failed.begin(), failed.end(), endpoint) == failed.end()) {
      auto greeted = Greet(endpoint, context);
      last = greeted.status();
      if (!absl::IsUnavailable(last)) return greeted;
      failed.push_back(endpoint);
    }
    if (!locator_.Doubt(endpoint)) break;
  }
  return last;
}

absl::StatusOr<std::unique_ptr<Master::Admitted>> Master::Greet(const Endpoint& endpoint,
                                                                const Context& context) {
  const std::int64_t before = ledger_.acknowledged();
  DR_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Open(endpoint, context));
  const Command commands[] = {{"INFO", "server"},
                              {"INFO", "replication"},
                              {"GET", counter_},
                              {"PEXPIRE", counter_, kCounterTtlMs}};
  DR_ASSIGN_OR_RETURN(std::vector<Reply> replies, connection->Ask(commands, context));
  const std::string role = InfoOf(replies[1], "role");
  if (options_.topology == Topology::kSentinel && role != "master") {
    return NotTheMaster(connection->Place(), fmt::format("its role is '{}', not 'master'", role));
  }
  const std::optional<Redirection> redirection = RedirectionOf(replies[2], endpoint);
  if (redirection && options_.topology == Topology::kCluster) {
    if (!redirection->ask) {
      locator_.Moved(redirection->to);
      return NotTheMaster(connection->Place(), replies[2].text);
    }
    bool sent = false;
    DR_ASSIGN_OR_RETURN(replies[2], AskAt(redirection->to, {"GET", counter_}, sent, context));
  }
  DR_ASSIGN_OR_RETURN(const std::int64_t count, CountOf(replies[2], counter_));
  const std::string run = InfoOf(replies[0], "run_id");
  DR_ASSIGN_OR_RETURN(const std::uint64_t admitted,
                      ledger_.Admit(run.empty() ? connection->Place() : run, count, before));
  return std::make_unique<Admitted>(Admitted{std::move(connection), admitted});
}

// A connection that works, as far as can be seen from here.
absl::StatusOr<Master::Pool::Lease> Master::Take(const Context& context) {
  for (std::size_t dead = 0;; ++dead) {
    DR_ASSIGN_OR_RETURN(Pool::Lease lease, pool_.Take(context));
    const bool usable = ledger_.IsCurrent(lease->number) && lease->connection->in_step() &&
                        lease->connection->Quiet();
    if (usable || dead == kConnections) return lease;
    lease.Discard();
  }
}

Master::Exchange Master::AskOnce(std::span<const Command> commands, const Context& context,
                                 Endpoint& answered) {
  if (absl::Status lost = ledger_.status(); !lost.ok()) return {lost};
  absl::StatusOr<Pool::Lease> lease = Take(context);
  if (!lease.ok()) return {lease.status()};
  Connection& connection = *(*lease)->connection;
  answered = connection.endpoint();
  Exchange exchange{connection.Ask(commands, context), false, (*lease)->number};
  exchange.sent = connection.sent();
  if (!exchange.replies.ok()) {  // it may hang, and there may be another by now
    locator_.Doubt(answered);
    pool_.CloseIdle();
  }
  if (!connection.in_step()) lease->Discard();
  return exchange;
}

absl::StatusOr<Reply> Master::AskAt(const Endpoint& endpoint, const Command& command, bool& sent,
                                    const Context& context) {
  sent = false;
  DR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, Open(endpoint, context));
  const Command commands[] = {{"ASKING"}, command};
  absl::StatusOr<std::vector<Reply>> replies = connection->Ask(commands, context);
  sent = connection->sent();
  DR_RETURN_IF_ERROR(replies.status());
  return std::move((*replies)[1]);
}

void Master::Follow(const Command& command, Endpoint answered, Reply& reply, Exchange& exchange,
                    const Context& context) {
  for (int hop = 0; hop < kMaxHops; ++hop) {
    const std::optional<Redirection> redirection = RedirectionOf(reply, answered);
    if (!redirection) return;
    absl::StatusOr<Reply> next = reply;
    if (redirection->ask) {
      answered = redirection->to;
      next = AskAt(answered, command, exchange.sent, context);
    } else {
      locator_.Moved(redirection->to);
      pool_.CloseIdle();
      Exchange again = AskOnce({&command, 1}, context, answered);
      exchange.sent = again.sent;
      exchange.admitted = again.admitted;
      if (again.replies.ok()) {
        next = std::move((*again.replies)[0]);
      } else {
        next = again.replies.status();
      }
    }
    if (!next.ok()) {
      exchange.replies = next.status();
      return;
    }
    reply = *std::move(next);
  }
  exchange.sent = false;
  exchange.replies = NotTheMaster(answered.Place(), "the cluster sends from node to node");
}

Master::Exchange Master::Ask(std::span<const Command> commands, const Context& context) {
  Endpoint answered;
  Exchange exchange = AskOnce(commands, context, answered);
  if (options_.topology != Topology::kCluster) return exchange;
  for (std::size_t i = 0; exchange.replies.ok() && i < commands.size(); ++i) {
    Reply reply = std::move((*exchange.replies)[i]);
    Follow(commands[i], answered, reply, exchange, context);
    if (exchange.replies.ok()) (*exchange.replies)[i] = std::move(reply);
  }
  return exchange;
}

Master::Exchange Master::Run(const Script& script, const Command& keys, const Command& arguments,
                             const Context& context) {
  const std::string count = fmt::format("{}", keys.size());
  Command command = {"EVALSHA", script.sha, count};
  command.insert(command.end(), keys.begin(), keys.end());
  command.insert(command.end(), arguments.begin(), arguments.end());
  Exchange exchange = Ask({&command, 1}, context);
  if (!exchange.replies.ok() || !(*exchange.replies)[0].text.starts_with("NOSCRIPT")) {
    return exchange;
  }
  command[0] = "EVAL";
  command[1] = script.text;
  return Ask({&command, 1}, context);
}

}  // namespace dr::inline v0::redis
