#include "adapters/redis/transport.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "adapters/redis/error.h"
#include "dr/environment/descriptor.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0::redis {
namespace {

constexpr std::chrono::nanoseconds kLookAtStop = std::chrono::milliseconds(20);

std::string ErrnoText(int value) { return std::system_category().message(value); }

class Socket final : public Transport {
 public:
  Socket(FileDescriptor fd, Endpoint endpoint, const Clock& clock)
      : fd_(std::move(fd)), endpoint_(std::move(endpoint)), clock_(clock) {}

  absl::StatusOr<std::size_t> TryRead(std::span<char> into) override {
    for (;;) {
      const ssize_t got = recv(fd_.get(), into.data(), into.size(), MSG_DONTWAIT);
      if (got > 0) return static_cast<std::size_t>(got);
      if (got == 0) return ConnectionLost(endpoint_.Place(), "the server closed the connection");
      if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
      if (errno != EINTR) return ConnectionLost(endpoint_.Place(), ErrnoText(errno));
    }
  }

  // Waits in the kernel's recv for a slice at a time: an answer costs one call.
  absl::StatusOr<std::size_t> Read(std::span<char> into, const Context& context) override {
    const Instant give_up = clock_.Now() + endpoint_.patience;
    for (;;) {
      DR_ASSIGN_OR_RETURN(const std::chrono::nanoseconds left, Left(give_up, context));
      const bool whole_slice = left >= kLookAtStop;
      if (!whole_slice) DR_RETURN_IF_ERROR(Await(POLLIN, context));
      const ssize_t got = recv(fd_.get(), into.data(), into.size(), whole_slice ? 0 : MSG_DONTWAIT);
      if (got > 0) return static_cast<std::size_t>(got);
      if (got == 0) return ConnectionLost(endpoint_.Place(), "the server closed the connection");
      if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        return ConnectionLost(endpoint_.Place(), ErrnoText(errno));
      }
    }
  }

  absl::Status Write(std::string_view bytes, const Context& context) override {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        DR_RETURN_IF_ERROR(Await(POLLOUT, context));
      } else if (errno != EINTR) {
        return ConnectionLost(endpoint_.Place(), ErrnoText(errno));
      }
    }
    return absl::OkStatus();
  }

  /// Until it is connected, or cannot be.
  absl::Status AwaitConnected(const Context& context) {
    DR_RETURN_IF_ERROR(Await(POLLOUT, context));
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return ConnectionLost(endpoint_.Place(), ErrnoText(error));
    // For Read alone: whatever else must not wait says so.
    const timeval slice{.tv_sec = 0, .tv_usec = kLookAtStop.count() / 1000};
    if (setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &slice, sizeof(slice)) != 0 ||
        fcntl(fd_.get(), F_SETFL, 0) != 0) {
      return ConnectionLost(endpoint_.Place(), ErrnoText(errno));
    }
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<std::chrono::nanoseconds> Left(Instant give_up, const Context& context) const {
    DR_RETURN_IF_ERROR(CheckContext(context, clock_, "an answer of Redis"));
    const std::chrono::nanoseconds left = std::min(give_up, context.deadline) - clock_.Now();
    if (left.count() > 0) return left;
    return ConnectionLost(endpoint_.Place(), "it has not moved a byte for too long");
  }

  // In slices, because a stop request wakes no poll.
  absl::Status Await(short events, const Context& context) {
    const Instant give_up = clock_.Now() + endpoint_.patience;
    for (;;) {
      DR_ASSIGN_OR_RETURN(const std::chrono::nanoseconds left, Left(give_up, context));
      const std::int64_t slice = std::min(left, kLookAtStop).count();
      const timespec wait{.tv_sec = 0, .tv_nsec = slice};
      pollfd one{.fd = fd_.get(), .events = events, .revents = 0};
      const int ready = ppoll(&one, 1, &wait, nullptr);
      if (ready > 0) return absl::OkStatus();
      if (ready < 0 && errno != EINTR) return ConnectionLost(endpoint_.Place(), ErrnoText(errno));
    }
  }

  const FileDescriptor fd_;
  const Endpoint endpoint_;
  const Clock& clock_;
};

absl::StatusOr<std::unique_ptr<Transport>> ConnectTo(Address address, const Endpoint& endpoint,
                                                     const Clock& clock, const Context& context) {
  auto* const generic = reinterpret_cast<sockaddr*>(&address.bytes);
  if (generic->sa_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6*>(generic)->sin6_port = htons(endpoint.port);
  } else {
    reinterpret_cast<sockaddr_in*>(generic)->sin_port = htons(endpoint.port);
  }
  FileDescriptor fd(socket(generic->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ConnectionLost(endpoint.Place(), ErrnoText(errno));
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  setsockopt(fd.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  const int error = connect(fd.get(), generic, address.size) == 0 ? 0 : errno;
  if (error != 0 && error != EINPROGRESS && error != EINTR) {
    return ConnectionLost(endpoint.Place(), ErrnoText(error));
  }
  auto connection = std::make_unique<Socket>(std::move(fd), endpoint, clock);
  DR_RETURN_IF_ERROR(connection->AwaitConnected(context));
  return connection;
}

}  // namespace

std::string Endpoint::Place() const {
  const bool bare_ipv6 = host.find(':') != std::string::npos;
  return bare_ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

absl::StatusOr<std::unique_ptr<Transport>> Connect(const Endpoint& endpoint, Resolver& resolver,
                                                   const Context& context) {
  DR_ASSIGN_OR_RETURN(const std::vector<Address> addresses,
                      resolver.Resolve(endpoint.host, endpoint.patience, context));
  absl::Status last;
  for (const Address& address : addresses) {
    auto connection = ConnectTo(address, endpoint, resolver.clock(), context);
    if (connection.ok() || !absl::IsUnavailable(connection.status())) return connection;
    last = connection.status();
  }
  return last;
}

}  // namespace dr::inline v0::redis
