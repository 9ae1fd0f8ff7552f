// A server's door that can be shut at any byte: it passes on what both sides say, and hangs up on
// both in the middle of a request or a reply.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "adapters/redis/own_server.h"
#include "fmt/format.h"
#include "src/base/file_descriptor.h"

namespace dr::testing {

class CuttingProxy {
 public:
  explicit CuttingProxy(std::uint16_t server) : server_(server) {
    const auto [fd, port] = ListenAnywhere();
    listener_ = FileDescriptor(fd);
    port_ = port;
    thread_ = std::jthread([this](std::stop_token stop) { Serve(stop); });
  }

  std::string Uri() const { return fmt::format("redis://127.0.0.1:{}/0", port_); }
  /// Hangs up once after so many further bytes of replies, or of requests.
  void CutReplyAfter(long bytes) { reply_bytes_ = bytes; }
  void CutRequestAfter(long bytes) { request_bytes_ = bytes; }
  /// Hung up since it was told to.
  bool has_cut() const { return reply_bytes_ == kNever && request_bytes_ == kNever; }
  void CutNoMore() { reply_bytes_ = request_bytes_ = kNever; }

 private:
  static constexpr long kNever = -1;
  struct Pair {
    FileDescriptor client, server;
  };

  void Serve(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::vector<pollfd> all = {{listener_.get(), POLLIN, 0}};
      for (const Pair& pair : pairs_) {
        all.push_back({pair.client.get(), POLLIN, 0});
        all.push_back({pair.server.get(), POLLIN, 0});
      }
      poll(all.data(), all.size(), 10);
      for (std::size_t i = pairs_.size(); i-- > 0;) {
        const bool goes_on =
            (all[1 + 2 * i].revents == 0 ||
             Pass(pairs_[i].client, pairs_[i].server, request_bytes_)) &&
            (all[2 + 2 * i].revents == 0 || Pass(pairs_[i].server, pairs_[i].client, reply_bytes_));
        if (!goes_on) pairs_.erase(pairs_.begin() + static_cast<std::ptrdiff_t>(i));
      }
      if (all[0].revents != 0) Accept();
    }
  }

  void Accept() {
    Pair pair{FileDescriptor(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)),
              FileDescriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))};
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(server_);
    if (connect(pair.server.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
      pairs_.push_back(std::move(pair));
    }
  }

  // False when the connection is over.
  static bool Pass(const FileDescriptor& from, const FileDescriptor& to, std::atomic<long>& left) {
    char bytes[4096];
    const ssize_t got = recv(from.get(), bytes, sizeof(bytes), 0);
    if (got <= 0) return false;
    const long limit = left;
    const bool cut = limit != kNever && limit <= got;
    const auto passed = static_cast<std::size_t>(cut ? limit : got);
    if (passed > 0) send(to.get(), bytes, passed, MSG_NOSIGNAL);
    if (limit != kNever) left = cut ? kNever : limit - got;
    return !cut;
  }

  const std::uint16_t server_;
  FileDescriptor listener_;
  std::uint16_t port_ = 0;
  std::atomic<long> reply_bytes_ = kNever, request_bytes_ = kNever;
  std::vector<Pair> pairs_;
  std::jthread thread_;
};

}  // namespace dr::testing
