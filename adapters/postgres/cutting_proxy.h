// A way to a server that loses an answer: the server has done what it was asked, and nobody hears.
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <list>
#include <string>
#include <thread>

namespace dr::postgres_test {

class CuttingProxy {
 public:
  explicit CuttingProxy(const std::string& server_port) : server_port_(std::stoi(server_port)) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = Loopback(0);
    socklen_t size = sizeof(address);
    REQUIRE(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(listen(listener_, 8) == 0);
    REQUIRE(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::jthread([this](const std::stop_token& stop) { Accept(stop); });
  }
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;
  ~CuttingProxy() {
    acceptor_.request_stop();
    acceptor_.join();
    close(listener_);
  }

  int port() const { return port_; }
  int cuts() const { return cuts_; }
  /// The next answer that carries out a statement (not the preparing of one) is lost.
  void CutNext() { armed_ = true; }

 private:
  static sockaddr_in Loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  static bool Readable(int socket) {
    pollfd wanted{.fd = socket, .events = POLLIN, .revents = 0};
    return poll(&wanted, 1, 5) > 0;
  }

  void Accept(const std::stop_token& stop) {
    std::list<std::jthread> pumps;
    while (!stop.stop_requested()) {
      if (!Readable(listener_)) continue;
      const int client = accept(listener_, nullptr, nullptr);
      pumps.emplace_back([this, client](const std::stop_token& s) { Pump(client, s); });
    }
  }

  // Of the server's answers the last before silence ends with ReadyForQuery; CommandComplete ('C')
  // or BindComplete ('2') come first in what a statement that was carried out gives.
  void Pump(int client, const std::stop_token& stop) {
    const int server = socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = Loopback(server_port_);
    bool open = connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    char bytes[1 << 16];
    while (open && !stop.stop_requested()) {
      for (const auto& [from, to] : {std::pair(client, server), std::pair(server, client)}) {
        if (!Readable(from)) continue;
        const ssize_t got = read(from, bytes, sizeof(bytes));
        const bool cut = from == server && got > 0 && bytes[0] == '2' && armed_.exchange(false);
        cuts_ += cut;
        open = got > 0 && !cut && send(to, bytes, got, MSG_NOSIGNAL) == got;
        if (!open) break;
      }
    }
    close(server);
    close(client);
  }

  const int server_port_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> armed_ = false;
  std::atomic<int> cuts_ = 0;
  std::jthread acceptor_;
};

}  // namespace dr::postgres_test
