#include "adapters/redis/locator.h"

#include <catch2/catch.hpp>

#include "adapters/redis/server_fixture.h"
#include "adapters/redis/store_fixture.h"

namespace dr {
namespace {

using redis::Endpoint;
using redis::Reply;
using test::Cli;
using test::Fixture;
using test::OwnServer;
using test::Server;

TEST_CASE("A key's slot is that of what is in its first braces") {
  CHECK(redis::SlotOf("123456789") == (0x31C3 & 0x3FFF));
  const std::uint16_t slot = redis::SlotOf("user1000");
  CHECK(redis::SlotOf("{user1000}.following") == slot);
  CHECK(redis::SlotOf("a{user1000}b{other}") == slot);
  CHECK(redis::SlotOf("{user1000") != slot);
  CHECK(redis::SlotOf("{}user1000") != slot);
  CHECK(redis::SlotOf("{}user1000") == redis::SlotOf("{}user1000"));
}

TEST_CASE("D13: A redirection names a server, and what is none is not followed") {
  const Endpoint answered{"node", 7000, std::chrono::seconds(3)};
  const auto of = [&](std::string text) {
    return redis::RedirectionOf({.type = Reply::Type::kError, .text = std::move(text)}, answered);
  };
  const auto moved = of("MOVED 3999 127.0.0.1:6381");
  REQUIRE(moved.has_value());
  CHECK_FALSE(moved->ask);
  CHECK((moved->to == Endpoint{"127.0.0.1", 6381, std::chrono::seconds(3)}));
  CHECK(of("ASK 3999 ::1:6381")->ask);
  CHECK(of("ASK 3999 ::1:6381")->to.host == "::1");
  CHECK(of("MOVED 3999 :6381")->to.host == "node");
  for (const char* text : {"MOVED 3999", "MOVED 3999 h:", "MOVED 3999 h:0", "MOVED 3999 h:65536",
                           "MOVED 3999 h:6381x", "MOVED", "ERR no", "MOVEDX 1 h:1"}) {
    INFO(text);
    CHECK_FALSE(of(text).has_value());
  }
  CHECK_FALSE(redis::RedirectionOf({.type = Reply::Type::kText, .text = "MOVED 1 h:1"}, answered));
}

// What makes a server a node of its own cluster; its bus would be where no port is.
std::vector<std::string> NodeWords() {
  const auto [fd, port] = test::ListenAnywhere();
  close(fd);
  return {"--cluster-enabled", "yes", "--cluster-port", fmt::format("{}", port)};
}

TEST_CASE("A cluster without an owner of the slot, and a service nobody knows, are named") {
  const OwnServer node(NodeWords());
  const std::string port = fmt::format("{}", node.port());
  const absl::Status unowned = Fixture("redis+cluster://127.0.0.1:" + port).Open().status();
  INFO(unowned.ToString());
  CHECK(absl::IsUnavailable(unowned));
  CHECK(unowned.ToString().find("slot") != std::string::npos);

  std::string sentinel = Server("DR_TEST_REDIS_SENTINEL");
  sentinel.replace(sentinel.find("dr-test"), 7, "nobody");
  const absl::Status unknown = Fixture(sentinel).Open().status();
  INFO(unknown.ToString());
  CHECK(absl::IsInvalidArgument(unknown));
  CHECK(unknown.ToString().find("nobody") != std::string::npos);
}

TEST_CASE("Any of the seeds will do") {
  for (const char* variable : {"DR_TEST_REDIS_CLUSTER", "DR_TEST_REDIS_SENTINEL"}) {
    std::string uri = Server(variable);
    const std::size_t host = uri.find("//") + 2, end = uri.find_first_of("/?", host);
    const std::string alive = uri.substr(host, end - host);
    uri = uri.substr(0, uri.find('?')).replace(host, end - host, "127.0.0.1:1");
    INFO(uri);
    CHECK(absl::IsUnavailable(Fixture(uri).Open().status()));
    CHECK(Fixture(uri + "?seeds=127.0.0.1:2," + alive).Open().ok());
  }
}

TEST_CASE("A node of a cluster is not taken for a single server") {
  const std::string uri = Server("DR_TEST_REDIS_CLUSTER");
  const std::size_t host = uri.find(':');
  const std::string node = "redis" + uri.substr(host, uri.find('?') - host);
  int refused = 0;
  for (int i = 0; i < 20; ++i) {  // a third of the names is its own
    const absl::Status status = Fixture(node).Open().status();
    INFO(status.ToString());
    CHECK((status.ok() || absl::IsUnimplemented(status)));
    refused += status.ok() ? 0 : 1;
  }
  CHECK(refused > 0);
}

TEST_CASE("A cluster behind TLS is found by the names that its certificates prove") {
  const std::string files = Server("DR_TEST_REDIS_TLS_FILES");
  const auto [fd, tls_port] = test::ListenAnywhere();
  close(fd);
  std::vector<std::string> words = NodeWords();
  words.insert(words.end(),
               {"--cluster-announce-hostname", "localhost", "--cluster-preferred-endpoint-type",
                "hostname", "--tls-cluster", "yes", "--tls-port", fmt::format("{}", tls_port),
                "--tls-cert-file", files + "/server.pem", "--tls-key-file", files + "/server.key",
                "--tls-ca-cert-file", files + "/ca.pem"});
  const OwnServer node(words);
  REQUIRE(Cli(node.Uri(), {"CLUSTER", "ADDSLOTSRANGE", "0", "16383"}).text == "OK");
  Fixture at(
      fmt::format("rediss+cluster://localhost:{1}?ca={0}/ca.pem&cert={0}/client.pem&"
                  "key={0}/client.key",
                  files, tls_port));
  absl::StatusOr<std::unique_ptr<StateAdapter>> store = at.Open();
  for (int tries = 0; !store.ok() && tries < 200; ++tries) {  // it waits before it serves
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    store = at.Open();
  }
  INFO(store.status().ToString());
  REQUIRE(store.ok());
  CHECK((*store)->Put("a", "1", {}, {}).ok());
  CHECK((*store)->Get("a", {})->value == "1");
}

}  // namespace
}  // namespace dr
