// A way to a server of this machine that can be made to fail: it hangs up after any byte, passes on
// little at a time, or goes silent as a network that is cut. It changes no byte.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "dr/environment/descriptor.h"
#include "dr/mutex.h"

namespace dr::test {

/// The port on this machine that a URI names.
inline std::uint16_t PortOf(const std::string& uri) {
  for (const std::string host : {"127.0.0.1:", "localhost:"}) {
    const std::size_t at = uri.find(host);
    if (at != uri.npos) return static_cast<std::uint16_t>(std::stoi(uri.substr(at + host.size())));
  }
  throw std::invalid_argument("the URI names no port of this machine");
}

/// Thread-safe. Requests are what clients say, replies what the server does.
class FaultProxy {
 public:
  explicit FaultProxy(std::uint16_t server)
      : server_(server), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = Loopback(0);
    socklen_t size = sizeof(address);
    if (bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        listen(listener_.get(), kBacklog) != 0 ||
        getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("no port for a proxy");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this](const std::stop_token& stop) { Serve(stop); });
  }

  std::uint16_t port() const { return port_; }
  /// `uri` with this in the server's place.
  std::string Through(std::string uri) const {
    const std::string from = ":" + std::to_string(server_);
    return uri.replace(uri.find(from), from.size(), ":" + std::to_string(port_));
  }

  /// Hangs up on both sides once, after so many further bytes of all replies, or of all requests.
  void CutReplyAfter(long bytes) { replies_.left = bytes; }
  void CutRequestAfter(long bytes) { requests_.left = bytes; }
  void CutNoMore() { replies_.left = requests_.left = kNever; }
  /// It has hung up since it was told to.
  bool has_cut() const { return replies_.left == kNever && requests_.left == kNever; }

  /// That have come here so far.
  long reply_bytes() const { return replies_.seen; }
  long request_bytes() const { return requests_.seen; }

  /// From now on passes on at most so many bytes at a time.
  void PassOnly(std::size_t bytes) { piece_ = bytes; }

  /// From now on nothing passes, and who wants to connect hears nothing. What is said meanwhile
  /// arrives after Heal, as when a sender tries again.
  void GoSilent() {
    MutexLock lock(mutex_);
    silent_ = true;
    listen(listener_.get(), 0);
    // A full queue of connections to be accepted makes the system ignore those who knock.
    for (bool taken = true; taken;) {
      fillers_.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      const sockaddr_in own = Loopback(port_);
      taken = connect(fillers_.back().get(), reinterpret_cast<const sockaddr*>(&own),
                      sizeof(own)) == 0 ||
              IsReady(fillers_.back(), POLLOUT, 20);
    }
  }
  void Heal() {
    MutexLock lock(mutex_);
    silent_ = false;
    fillers_.clear();
    listen(listener_.get(), kBacklog);
  }

 private:
  static constexpr long kNever = -1;
  static constexpr int kBacklog = 64;
  struct Pair {
    FileDescriptor client, server;
  };
  struct Direction {
    std::atomic<long> left = kNever, seen = 0;
  };

  static sockaddr_in Loopback(std::uint16_t port) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
  }
  static bool IsReady(const FileDescriptor& fd, short events, int wait_ms) {
    pollfd wanted{.fd = fd.get(), .events = events, .revents = 0};
    return poll(&wanted, 1, wait_ms) > 0;
  }

  void Serve(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::vector<pollfd> all = {{listener_.get(), POLLIN, 0}};
      for (const Pair& pair : pairs_) {
        all.push_back({pair.client.get(), POLLIN, 0});
        all.push_back({pair.server.get(), POLLIN, 0});
      }
      poll(all.data(), all.size(), 10);
      {
        MutexLock lock(mutex_);
        if (!silent_) {
          PassWhatCame(all);
          continue;
        }
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));  // there is much to be read
    }
  }

  void PassWhatCame(const std::vector<pollfd>& came) {
    for (std::size_t i = pairs_.size(); i-- > 0;) {
      const Pair& pair = pairs_[i];
      const bool goes_on =
          (came[1 + 2 * i].revents == 0 || Pass(pair.client, pair.server, requests_)) &&
          (came[2 + 2 * i].revents == 0 || Pass(pair.server, pair.client, replies_));
      if (!goes_on) pairs_.erase(pairs_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (came[0].revents != 0) Accept();
  }

  void Accept() {
    Pair pair{FileDescriptor(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)),
              FileDescriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))};
    const sockaddr_in address = Loopback(server_);
    if (connect(pair.server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
        0) {
      return;
    }
    for (const FileDescriptor* end : {&pair.client, &pair.server}) {
      const int at_once = 1;
      const timeval patience{.tv_sec = 5, .tv_usec = 0};  // with a server that hangs
      setsockopt(end->get(), IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof(at_once));
      setsockopt(end->get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    }
    pairs_.push_back(std::move(pair));
  }

  // False when the connection is over.
  bool Pass(const FileDescriptor& from, const FileDescriptor& to, Direction& way) const {
    char bytes[1 << 16];
    const ssize_t got = recv(from.get(), bytes, std::min(sizeof(bytes), piece_.load()), 0);
    if (got <= 0) return false;
    way.seen += got;
    const long limit = way.left;
    const bool cut = limit != kNever && limit <= got;
    const auto passed = static_cast<std::size_t>(cut ? limit : got);
    const bool sent =
        passed == 0 || send(to.get(), bytes, passed, MSG_NOSIGNAL) == static_cast<ssize_t>(passed);
    if (limit != kNever) way.left = cut ? kNever : limit - got;
    return sent && !cut;
  }

  const std::uint16_t server_;
  FileDescriptor listener_;
  std::uint16_t port_ = 0;
  Direction requests_, replies_;
  std::atomic<std::size_t> piece_ = 1 << 16;
  Mutex mutex_;
  bool silent_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<FileDescriptor> fillers_ ABSL_GUARDED_BY(mutex_);
  std::vector<Pair> pairs_;  // the thread's
  std::jthread thread_;
};

}  // namespace dr::test
