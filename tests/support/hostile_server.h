// Somebody who listens where a server should, and says to everybody what it likes.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "dr/environment/descriptor.h"

namespace dr::test {

/// Says `begin` to each who asks something, then `again` until they hang up; or, if that is empty,
/// hangs up itself.
class HostileServer {
 public:
  HostileServer(std::string begin, std::string again)
      : begin_(std::move(begin)),
        again_(std::move(again)),
        listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        listen(listener_.get(), 16) != 0 ||
        getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("no port for a server");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this](const std::stop_token& stop) { Serve(stop); });
  }
  HostileServer(const HostileServer&) = delete;
  HostileServer& operator=(const HostileServer&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  static bool Await(int fd, short events, const std::stop_token& stop) {
    pollfd wanted{.fd = fd, .events = events, .revents = 0};
    while (!stop.stop_requested()) {
      if (poll(&wanted, 1, 20) > 0) return true;
    }
    return false;
  }
  static bool Say(int fd, std::string_view what, const std::stop_token& stop) {
    while (!what.empty()) {
      if (!Await(fd, POLLOUT, stop)) return false;
      const ssize_t sent = send(fd, what.data(), what.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno != EAGAIN) return false;
      what.remove_prefix(static_cast<std::size_t>(sent > 0 ? sent : 0));
    }
    return true;
  }
  void Serve(const std::stop_token& stop) const {
    while (Await(listener_.get(), POLLIN, stop)) {
      const FileDescriptor one(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      char question[4096];
      if (!Await(one.get(), POLLIN, stop)) return;
      if (recv(one.get(), question, sizeof question, MSG_DONTWAIT) <= 0) continue;
      bool listens = Say(one.get(), begin_, stop);
      while (listens && !again_.empty()) listens = Say(one.get(), again_, stop);
      // What was not read would make the end a reset, which could take what was said with it.
      shutdown(one.get(), SHUT_WR);
      while (Await(one.get(), POLLIN, stop) &&
             recv(one.get(), question, sizeof question, MSG_DONTWAIT) > 0) {
      }
    }
  }

  const std::string begin_, again_;
  const FileDescriptor listener_;
  std::uint16_t port_ = 0;
  std::jthread thread_;
};

}  // namespace dr::test
