#include "adapters/redis/connection.h"

#include <hiredis/hiredis.h>

#include <cstdlib>
#include <new>
#include <utility>

#include "adapters/redis/error.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0::redis {
namespace {

constexpr std::chrono::nanoseconds kAlive = std::chrono::milliseconds(1);

// One command as hiredis writes it. Overwritten afterwards: passwords go this way too.
class Formatted {
 public:
  explicit Formatted(const Command& command) {
    std::vector<const char*> arguments;
    std::vector<std::size_t> sizes;
    for (std::string_view argument : command) {
      arguments.push_back(argument.data());
      sizes.push_back(argument.size());
    }
    size_ = redisFormatCommandArgv(&bytes_, static_cast<int>(arguments.size()), arguments.data(),
                                   sizes.data());
    if (size_ < 0) throw std::bad_alloc();
  }
  Formatted(const Formatted&) = delete;
  Formatted& operator=(const Formatted&) = delete;
  ~Formatted() {
    if (bytes_ != nullptr && size_ <= kWiped) Wipe(bytes_, static_cast<std::size_t>(size_));
    redisFreeCommand(bytes_);
  }
  std::string_view bytes() const { return {bytes_, static_cast<std::size_t>(size_)}; }

 private:
  static constexpr long long kWiped = 4096;  // more is no password
  char* bytes_ = nullptr;
  long long size_ = 0;  // as hiredis 1 has it
};

absl::Status LoginRefused(const Reply& reply, std::string_view place) {
  // The code alone: a server that does not know AUTH repeats the password.
  Reply code = reply;
  code.text = reply.text.substr(0, reply.text.find(' '));
  const absl::Status status = ErrorOf(code, place);
  if (absl::IsUnavailable(status)) return status;
  return MakeFault({.kind = FaultKind::kWrongKey,
                    .place = std::string(place),
                    .next = "check user and password of the URI"},
                   fmt::format("Redis refused the login: {}", code.text));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const Endpoint& endpoint,
                                                             const Tls* tls, const Login& login,
                                                             std::size_t max_reply,
                                                             Resolver& resolver,
                                                             const Context& context) {
  DR_ASSIGN_OR_RETURN(std::unique_ptr<Transport> transport, Connect(endpoint, resolver, context));
  if (tls != nullptr) {
    DR_ASSIGN_OR_RETURN(transport, tls->Secure(std::move(transport), endpoint, context));
  }
  std::unique_ptr<Connection> connection(
      new Connection(endpoint, std::move(transport), max_reply, resolver.clock()));
  DR_RETURN_IF_ERROR(connection->LogIn(login, context));
  return connection;
}

absl::Status Connection::LogIn(const Login& login, const Context& context) {
  if (!login.password.empty()) {
    Command command = {"AUTH"};
    if (!login.user.empty()) command.push_back(login.user);
    command.push_back(login.password.Reveal());
    DR_ASSIGN_OR_RETURN(const Reply reply, Ask(command, context));
    if (reply.failed()) return LoginRefused(reply, Place());
  }
  if (login.database == 0) return absl::OkStatus();
  const std::string database = fmt::format("{}", login.database);
  DR_ASSIGN_OR_RETURN(const Reply reply, Ask({"SELECT", database}, context));
  return reply.failed() ? ErrorOf(reply, Place()) : absl::OkStatus();
}

absl::Status Connection::Send(std::span<const Command> commands, const Context& context) {
  if (commands.size() == 1) return transport_->Write(Formatted(commands[0]).bytes(), context);
  std::string all;
  for (const Command& command : commands) all += Formatted(command).bytes();
  return transport_->Write(all, context);
}

absl::StatusOr<Reply> Connection::Receive(const Context& context) {
  for (;;) {
    DR_ASSIGN_OR_RETURN(std::optional<Reply> reply, reader_.Next());
    if (reply) return *std::move(reply);
    DR_ASSIGN_OR_RETURN(const std::size_t got, transport_->Read(piece_, context));
    DR_RETURN_IF_ERROR(reader_.Feed({piece_.data(), got}));
  }
}

absl::StatusOr<std::vector<Reply>> Connection::Ask(std::span<const Command> commands,
                                                   const Context& context) {
  sent_ = false;
  in_step_ = false;
  DR_RETURN_IF_ERROR(Send(commands, context));
  sent_ = true;
  std::vector<Reply> replies;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    DR_ASSIGN_OR_RETURN(Reply reply, Receive(context));
    replies.push_back(std::move(reply));
  }
  // A master that became a replica keeps its connections; the next one may lead to the new master.
  in_step_ = reader_.empty() && !replies.back().text.starts_with("READONLY");
  last_used_ = clock_.Now();
  return replies;
}

absl::StatusOr<Reply> Connection::Ask(const Command& command, const Context& context) {
  DR_ASSIGN_OR_RETURN(std::vector<Reply> replies, Ask({&command, 1}, context));
  return std::move(replies[0]);
}

bool Connection::Quiet() {
  if (clock_.Now() - last_used_ < kAlive) return true;
  const absl::StatusOr<std::size_t> unasked = transport_->TryRead(piece_);
  return unasked.ok() && *unasked == 0;
}

}  // namespace dr::inline v0::redis
