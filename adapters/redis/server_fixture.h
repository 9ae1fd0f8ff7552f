// A redis-server of a test's own, for what others must not meet: changed settings, kills.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/redis/connection.h"
#include "fmt/format.h"
#include "tests/support/temp_directory.h"

namespace dr::test {

/// A listening socket on a loopback port that nobody used.
inline std::pair<int, std::uint16_t> ListenAnywhere() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(listen(fd, 16) == 0);
  REQUIRE(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return {fd, ntohs(address.sin_port)};
}

class OwnServer {
 public:
  explicit OwnServer(std::vector<std::string> more = {}) : more_(std::move(more)) {
    const auto [fd, port] = ListenAnywhere();
    close(fd);
    port_ = port;
    Start();
  }
  ~OwnServer() { Kill(); }
  OwnServer(const OwnServer&) = delete;
  OwnServer& operator=(const OwnServer&) = delete;

  std::string Uri() const { return fmt::format("redis://127.0.0.1:{}/0", port_); }
  std::uint16_t port() const { return port_; }

  void Kill() {
    if (pid_ > 0) Signal(SIGKILL);
    if (pid_ > 0) waitpid(std::exchange(pid_, 0), nullptr, 0);
  }
  void Signal(int signal) const { REQUIRE(kill(pid_, signal) == 0); }
  void Start() {
    Spawn();
    for (int tries = 0; !Answers(); ++tries) {
      REQUIRE(tries < 1500);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  /// As Start, without waiting for anything.
  void Spawn() {
    std::vector<std::string> words = {"redis-server",
                                      "--bind",
                                      "127.0.0.1",
                                      "--port",
                                      fmt::format("{}", port_),
                                      "--dir",
                                      directory_ / ".",
                                      "--appendonly",
                                      "yes",
                                      "--appendfsync",
                                      "always",
                                      "--save",
                                      "",
                                      "--maxmemory-policy",
                                      "noeviction",
                                      "--logfile",
                                      "log"};
    words.insert(words.end(), more_.begin(), more_.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    REQUIRE(posix_spawnp(&pid_, "redis-server", nullptr, nullptr, arguments.data(), environ) == 0);
  }
  /// While it does not run.
  void LoseData() const { std::filesystem::remove_all(directory_ / "appendonlydir"); }
  void LoseDirectory() const { std::filesystem::remove_all(directory_.path()); }

 private:
  bool Answers() const {
    Resolver resolver(clock_);
    const redis::Endpoint endpoint{"127.0.0.1", port_, std::chrono::seconds(5)};
    auto connection = redis::Connection::Open(endpoint, nullptr, {}, 1 << 20, resolver, {});
    if (!connection.ok()) return false;
    auto reply = (*connection)->Ask({"PING"}, {});
    return reply.ok() && !reply->failed();
  }

  const std::vector<std::string> more_;
  TempDirectory directory_;
  SystemClock clock_;
  std::uint16_t port_ = 0;
  pid_t pid_ = 0;
};

}  // namespace dr::test
