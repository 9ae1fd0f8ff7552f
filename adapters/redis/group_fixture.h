// Several servers of a test's own, started as those that tests share are.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "adapters/redis/locator.h"
#include "adapters/redis/server_facts.h"
#include "adapters/redis/store_fixture.h"
#include "fmt/format.h"
#include "tests/support/temp_directory.h"

namespace dr::test {

class OwnGroup {
 public:
  /// A server that is silent for so long is replaced.
  OwnGroup(std::string starter, int silence_ms)
      : starter_(fmt::format("{}/{}", Server("DR_TEST_STARTERS"), starter)) {
    const std::string line = Run(fmt::format("start '{}' {}", directory_ / ".", silence_ms));
    REQUIRE(line.find('=') != line.npos);
    uri_ = line.substr(line.find('=') + 1);
  }
  ~OwnGroup() { Run(fmt::format("stop '{}'", directory_ / ".")); }
  OwnGroup(const OwnGroup&) = delete;
  OwnGroup& operator=(const OwnGroup&) = delete;

  const std::string& Uri() const { return uri_; }
  /// To the one of this name: in a cluster its port, else its role at the start.
  void Signal(const std::string& name, int signal) const {
    std::ifstream pids(directory_ / "pids");
    pid_t pid = 0;
    std::string found;
    while (pids >> pid >> found && found != name) {
    }
    REQUIRE(found == name);
    REQUIRE(kill(pid, signal) == 0);
  }

 private:
  std::string Run(const std::string& arguments) const {
    FILE* const output = popen(fmt::format("'{}' {}", starter_, arguments).c_str(), "r");
    std::string text;
    std::array<char, 256> piece;
    while (fgets(piece.data(), piece.size(), output) != nullptr) text += piece.data();
    CHECK(pclose(output) == 0);
    return text.substr(0, text.find('\n'));
  }

  const std::string starter_;
  TempDirectory directory_;
  std::string uri_;
};

/// The port of the master that has this slot, by the first node of the cluster.
inline std::string OwnerOf(const std::string& cluster, std::uint16_t slot) {
  const std::size_t host = cluster.find(':');
  const std::string node = "redis" + cluster.substr(host, cluster.find('?') - host);
  for (const redis::Reply& range : Cli(node, {"CLUSTER", "SLOTS"}).elements) {
    if (range.elements[0].integer > slot || range.elements[1].integer < slot) continue;
    return fmt::format("{}", range.elements[2].elements[1].integer);
  }
  FAIL("nobody has the slot");
  return {};
}

/// The port of this server's replica.
inline std::string ReplicaOf(const std::string& port) {
  const redis::Reply info = Cli("redis://127.0.0.1:" + port, {"INFO", "replication"});
  const std::string replica = redis::InfoOf(info, "slave0");
  const std::size_t at = replica.find("port=");
  REQUIRE(at != replica.npos);
  return replica.substr(at + 5, replica.find(',', at) - at - 5);
}

}  // namespace dr::test
