#include "dr/adapters/redis.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <thread>

#include "adapters/redis/own_server.h"
#include "adapters/redis/reply.h"
#include "adapters/redis/session.h"
#include "adapters/redis/settings.h"
#include "dr/status.h"
#include "dr/testing/adapter_cases.h"

namespace dr {
namespace {

std::string Server(const char* variable) {
  const char* uri = std::getenv(variable);
  INFO("scripts/servers start; set -a; source build/servers/env");
  REQUIRE(uri != nullptr);
  return uri;
}

// A store of its own in every run, on a server that outlives it.
class Fixture {
 public:
  explicit Fixture(std::string server) : uri(std::move(server)) {
    const bool first = uri.find('?') == std::string::npos;
    uri += fmt::format("{}namespace=test-{:016x}", first ? "?" : "&", *random.Next());
    REQUIRE(RegisterRedis(registry).ok());
  }
  absl::StatusOr<std::unique_ptr<StateAdapter>> Open(std::string_view more = "") {
    return registry.Open(uri + std::string(more), environment);
  }

  PosixFileSystem files;
  SystemClock clock;
  SystemRandom random;
  AdapterEnvironment environment{&files, &clock, &random};
  AdapterRegistry registry;
  std::string uri;
};

void PassesEveryCase(StateAdapter& store) {
  int ran = 0;
  for (const AdapterCase& check : AdapterCases()) {
    if (!check.applies(store.capabilities())) continue;
    INFO(check.name);
    const absl::Status status = check.run(store, "case/" + std::to_string(ran++) + "/");
    INFO(status.ToString());
    CHECK(status.ok());
  }
  CHECK(ran > 15);
}

TEST_CASE("A Redis that keeps its promises passes every case", "[conformance]") {
  Fixture at(Server("DR_TEST_REDIS"));
  auto store = at.Open();
  INFO(store.status().ToString());
  REQUIRE(store.ok());
  CHECK((*store)->capabilities().durable);
  CHECK((*store)->capabilities().fence_safe);
  PassesEveryCase(**store);
}

std::string TlsOptions() {
  const std::string files = Server("DR_TEST_REDIS_TLS_FILES");
  return fmt::format("?ca={0}/ca.pem&cert={0}/client.pem&key={0}/client.key", files);
}

TEST_CASE("A Redis behind TLS passes every case", "[conformance]") {
  Fixture at(Server("DR_TEST_REDIS_TLS") + TlsOptions());
  auto store = at.Open();
  INFO(store.status().ToString());
  REQUIRE(store.ok());
  CHECK((*store)->capabilities().fence_safe);
  PassesEveryCase(**store);
}

TEST_CASE("The longest value goes through TLS and back") {
  Fixture at(Server("DR_TEST_REDIS_TLS") + TlsOptions());
  auto store = *at.Open();
  std::string value(store->capabilities().max_value_bytes, 'v');
  for (std::size_t i = 0; i < value.size(); i += 4096) value[i] = static_cast<char>(i >> 12);
  REQUIRE(store->Put("longest", value, {}, {}).ok());
  auto item = store->Get("longest", {});
  REQUIRE(item.ok());
  CHECK((item->value == value));
  CHECK(store->Delete("longest", {}, {}).ok());
}

TEST_CASE("A server that does not prove who it is gets no byte of a request") {
  const std::string files = Server("DR_TEST_REDIS_TLS_FILES");
  const std::string uri = Server("DR_TEST_REDIS_TLS");
  const std::string port = uri.substr(uri.rfind(':'), uri.rfind('/') - uri.rfind(':'));
  const std::string own = fmt::format("cert={0}/client.pem&key={0}/client.key", files);
  const std::string rows[] = {
      "rediss://localhost" + port + "?" + own,                              // an unknown authority
      "rediss://127.0.0.1" + port + "?ca=" + files + "/ca.pem&" + own,      // another name
      "rediss://localhost" + port + "?ca=" + files + "/client.pem&" + own,  // no authority
  };
  for (const std::string& row : rows) {
    const absl::Status status = Fixture(row).Open().status();
    INFO(row << ": " << status.ToString());
    CHECK(absl::IsUnauthenticated(status));
  }
  // The server wants a certificate of the client too, and hangs up.
  CHECK_FALSE(Fixture("rediss://localhost" + port + "?ca=" + files + "/ca.pem").Open().ok());
  // Plain text where TLS is spoken, and the other way round.
  CHECK_FALSE(Fixture("redis://localhost" + port + "?timeout_ms=300").Open().ok());
  const std::string plain = Server("DR_TEST_REDIS");
  CHECK_FALSE(Fixture("rediss" + plain.substr(5) + "?timeout_ms=300").Open().ok());
}

// What `redis-cli` would answer, on a connection of its own.
redis::Reply Cli(const std::string& server, const redis::Command& command) {
  SystemClock clock;
  auto uri = ParseUri(server);
  REQUIRE(uri.ok());
  auto settings = redis::ReadSettings(*uri);
  REQUIRE(settings.ok());
  auto session =
      redis::Session::Open(settings->endpoint, nullptr, settings->login, 1 << 20, clock, {});
  INFO(session.status().ToString());
  REQUIRE(session.ok());
  auto reply = (*session)->Ask(command, {});
  REQUIRE(reply.ok());
  return *std::move(reply);
}

TEST_CASE("D14: What has expired is gone, and leaves the index when it is listed") {
  Fixture at(Server("DR_TEST_REDIS"));
  auto store = *at.Open();
  REQUIRE(store->Put("brief", "x", {.ttl = absl::Milliseconds(1)}, {}).ok());
  REQUIRE(store->Put("long", "x", {.ttl = absl::InfiniteDuration()}, {}).ok());
  while (!absl::IsNotFound(store->Get("brief", {}).status())) std::this_thread::yield();
  const std::string index = "{" + at.uri.substr(at.uri.find("test-")) + "}:keys";
  CHECK(Cli(at.uri, {"ZCARD", index}).integer == 2);
  auto page = store->List("", "", {});
  REQUIRE(page.ok());
  CHECK(page->entries.size() == 1);
  CHECK(page->entries[0].key == "long");
  CHECK(Cli(at.uri, {"ZCARD", index}).integer == 1);
  CHECK(store->Put("brief", "y", {.condition = PutCondition::kIfAbsent}, {}).ok());
}

TEST_CASE("D14: A key of another type is damage, not a missing value, and a batch leaves no part") {
  Fixture at(Server("DR_TEST_REDIS"));
  auto store = *at.Open();
  const std::string tag = "{" + at.uri.substr(at.uri.find("test-")) + "}";
  REQUIRE(Cli(at.uri, {"LPUSH", tag + ":v:list", "x"}).integer == 1);
  CHECK(absl::IsDataLoss(store->Get("list", {}).status()));
  REQUIRE(Cli(at.uri, {"SET", tag + ":v:text", "of somebody else"}).text == "OK");
  CHECK(absl::IsDataLoss(store->Get("text", {}).status()));

  REQUIRE(Cli(at.uri, {"SET", tag + ":keys", "no index"}).text == "OK");
  const KeyValue batch[] = {{"a", "1"}, {"b", "2"}};
  CHECK(absl::IsDataLoss(store->PutMany(batch, {})));
  CHECK(absl::IsDataLoss(store->Put("a", "1", {}, {}).status()));
  CHECK(absl::IsNotFound(store->Get("a", {}).status()));
}

TEST_CASE("Scripts that the server has forgotten are sent again") {
  const testing::OwnServer own;
  Fixture at(own.Uri());
  auto store = *at.Open();
  REQUIRE(store->Put("a", "1", {}, {}).ok());
  REQUIRE(Cli(at.uri, {"SCRIPT", "FLUSH"}).text == "OK");
  CHECK(store->Put("a", "2", {}, {}).ok());
  CHECK(store->Delete("a", {}, {}).ok());
}

TEST_CASE("A URI with what Redis does not have is refused, and shows no password") {
  Fixture at("redis://127.0.0.1:1/0");
  for (const char* uri :
       {"redis:///0", "redis://h/x", "redis://h/0/1", "redis://h/-1", "redis://agent@h/0",
        "redis://h/0?tls=on", "redis://h/0?namespace=", "redis://h/0?namespace=a%7Bb",
        "redis://h/0?timeout_ms=0", "redis://h/0?timeout_ms=1s", "redis://h/0?ca=/x",
        "rediss://h/0?cert=/x", "rediss://h/0?ca=/nowhere", "redis://u:c4n4ry@h/x"}) {
    const absl::Status status = at.registry.Open(uri, at.environment).status();
    INFO(uri << ": " << status.ToString());
    CHECK(absl::IsInvalidArgument(status));
    CHECK(status.ToString().find("c4n4ry") == std::string::npos);
  }
}

TEST_CASE("Nobody listens: every call ends, and says so") {
  Fixture at("redis://127.0.0.1:1/0");
  CHECK(absl::IsUnavailable(at.Open().status()));
}

TEST_CASE("A login that is refused is no passing trouble, and shows no password") {
  const std::string server = Server("DR_TEST_REDIS");
  const std::size_t host = server.find("//") + 2;
  Fixture at(server.substr(0, host) + "nobody:c4n4ry@" + server.substr(host));
  const absl::Status status = at.Open().status();
  INFO(status.ToString());
  CHECK(absl::IsUnauthenticated(status));
  CHECK(status.ToString().find("c4n4ry") == std::string::npos);
}

TEST_CASE("D15: A reply cut at every byte is read as when it comes whole") {
  const std::string bytes = "*5\r\n$3\r\na\r\n\r\n:-7\r\n$-1\r\n*2\r\n+OK\r\n-ERR no\r\n$0\r\n\r\n";
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    redis::ReplyReader reader(1000);
    REQUIRE(reader.Feed(bytes.substr(0, cut)).ok());
    auto early = reader.Next();
    REQUIRE(early.ok());
    CHECK(early->has_value() == (cut == bytes.size()));
    REQUIRE(reader.Feed(bytes.substr(cut)).ok());
    auto reply = cut == bytes.size() ? std::move(early) : reader.Next();
    REQUIRE((reply.ok() && reply->has_value()));
    const std::vector<redis::Reply>& parts = (*reply)->elements;
    REQUIRE(parts.size() == 5);
    CHECK(parts[0].text == "a\r\n");
    CHECK(parts[1].integer == -7);
    CHECK(parts[2].type == redis::Reply::Type::kNothing);
    CHECK(parts[3].elements[1].failed());
    CHECK(parts[4].type == redis::Reply::Type::kText);
    CHECK(reader.empty());
  }
}

TEST_CASE("D15: What no answer can be is refused before it takes memory") {
  for (const std::string& bytes :
       {std::string("HTTP/1.1 400 Bad Request\r\n"), std::string("$-2\r\n"),
        std::string("$9223372036854775808\r\n"), std::string("*2147483647\r\n"),
        std::string("*100001\r\n"), std::string("*-5\r\n"), std::string(":12x\r\n"),
        std::string("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"),
        "$9000\r\n" + std::string(2000, 'x')}) {
    INFO(bytes.substr(0, 30));
    redis::ReplyReader reader(1000);
    const absl::Status fed = reader.Feed(bytes);
    CHECK((!fed.ok() || !reader.Next().ok()));
  }
}

TEST_CASE("Refusals of the server have the code that says what to do") {
  const std::pair<const char*, absl::StatusCode> rows[] = {
      {"LOADING Redis is loading the dataset in memory", absl::StatusCode::kUnavailable},
      {"READONLY You can't write against a read only replica.", absl::StatusCode::kUnavailable},
      {"MISCONF Errors writing to the AOF file", absl::StatusCode::kUnavailable},
      {"OOM command not allowed", absl::StatusCode::kResourceExhausted},
      {"ERR max number of clients reached", absl::StatusCode::kUnavailable},
      {"NOAUTH Authentication required.", absl::StatusCode::kUnauthenticated},
      {"NOPERM this user has no permissions", absl::StatusCode::kUnauthenticated},
      {"MOVED 3999 127.0.0.1:6381", absl::StatusCode::kUnimplemented},
      {"ERR unknown command 'EVALSHA', with args beginning with: 'c4n4ry'",
       absl::StatusCode::kUnimplemented},
      {"ERR something else", absl::StatusCode::kInternal},
  };
  for (const auto& [text, code] : rows) {
    const absl::Status status =
        redis::ErrorOf({.type = redis::Reply::Type::kError, .text = text}, "key");
    INFO(status.ToString());
    CHECK(status.code() == code);
    CHECK(status.ToString().find("c4n4ry") == std::string::npos);
  }
}

TEST_CASE("D13: What was acknowledged survives a kill of the server, and the store goes on") {
  testing::OwnServer own;
  Fixture at(own.Uri());
  auto store = *at.Open();
  for (int round = 0; round < 5; ++round) {
    const std::string key = fmt::format("{}", round);
    const KeyValue batch[] = {{"batch", key}, {"again", key}};
    REQUIRE(store->Put(key, key, {.condition = PutCondition::kIfAbsent}, {}).ok());
    REQUIRE(store->PutMany(batch, {}).ok());
    own.Kill();
    CHECK(absl::IsUnavailable(store->Get(key, {}).status()));
    CHECK(absl::IsUnavailable(store->Put("x", "x", {}, {}).status()));
    own.Start();
    // The connections of before are dead; nobody sees that.
    CHECK(store->Get(key, {})->value == key);
    CHECK(store->Get("batch", {})->value == key);
    CHECK(store->Get("again", {})->value == key);
  }
  CHECK(absl::IsNotFound(store->Get("x", {}).status()));
}

TEST_CASE("A server that hangs keeps nobody: a write may have happened, and then it has") {
  testing::OwnServer own;
  Fixture at(own.Uri() + "?timeout_ms=100");
  auto store = *at.Open();
  REQUIRE(store->Put("before", "1", {}, {}).ok());
  own.Signal(SIGSTOP);
  CHECK(absl::IsUnknown(store->Put("a", "1", {.condition = PutCondition::kIfAbsent}, {}).status()));
  CHECK(absl::IsUnavailable(store->Get("a", {}).status()));
  CHECK(absl::IsUnavailable(store->List("", "", {}).status()));
  own.Signal(SIGCONT);
  // It lands late, but before what is asked afterwards on a connection made later.
  absl::StatusOr<Item> item = store->Get("a", {});
  for (int tries = 0; !item.ok() && tries < 500; ++tries) item = store->Get("a", {});
  REQUIRE(item.ok());
  CHECK(item->value == "1");
}

TEST_CASE("A deadline and a stop request end a call that waits for the server") {
  testing::OwnServer own;
  Fixture at(own.Uri());
  auto store = *at.Open();
  REQUIRE(store->Put("before", "1", {}, {}).ok());
  own.Signal(SIGSTOP);
  const Context soon{.deadline = at.clock.Now() + std::chrono::milliseconds(50)};
  CHECK(absl::IsDeadlineExceeded(store->Get("before", soon).status()));
  std::stop_source source;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    source.request_stop();
  });
  CHECK(absl::IsCancelled(store->Get("before", {.stop = source.get_token()}).status()));
  const Context later{.deadline = at.clock.Now() + std::chrono::milliseconds(50)};
  CHECK(absl::IsUnknown(store->Put("a", "1", {}, later).status()));
  own.Signal(SIGCONT);
  CHECK(store->Check({}).ok());
}

// A setting of the server while this lives.
class Setting {
 public:
  Setting(std::string server, std::string name, std::string_view value)
      : server_(std::move(server)), name_(std::move(name)) {
    before_ = Cli(server_, {"CONFIG", "GET", name_}).elements.at(1).text;
    REQUIRE(Cli(server_, {"CONFIG", "SET", name_, value}).text == "OK");
  }
  ~Setting() { CHECK(Cli(server_, {"CONFIG", "SET", name_, before_}).text == "OK"); }

 private:
  std::string server_, name_, before_;
};

TEST_CASE("D14: A server that may lose what it acknowledged is not called durable, and says why") {
  const testing::OwnServer own;
  const std::string server = own.Uri();
  Fixture at(server);
  auto promised = *at.Open();
  CHECK(RedisDoubts(at.uri, at.environment)->empty());
  {
    const Setting sync(server, "appendfsync", "everysec");
    auto store = *at.Open();
    CHECK_FALSE(store->capabilities().durable);
    CHECK_FALSE(store->capabilities().fence_safe);
    CHECK(store->Check({}).ok());
    auto doubts = RedisDoubts(at.uri, at.environment);
    REQUIRE((doubts.ok() && doubts->size() == 1));
    CHECK(doubts->at(0).find("everysec") != std::string::npos);
    // The one that was opened before notices that the promise is gone.
    CHECK(absl::IsFailedPrecondition(promised->Check({})));
  }
  {
    const Setting memory(server, "maxmemory", "1gb");
    const Setting eviction(server, "maxmemory-policy", "allkeys-lru");
    CHECK_FALSE((*at.Open())->capabilities().durable);
  }
  {
    const Setting rewrite(server, "no-appendfsync-on-rewrite", "yes");
    CHECK_FALSE((*at.Open())->capabilities().durable);
  }
  CHECK(promised->Check({}).ok());
}

TEST_CASE("D13: A full server refuses what is new, typed, and keeps what it has") {
  const testing::OwnServer own;
  const std::string server = own.Uri();
  Fixture at(server);
  auto store = *at.Open();
  REQUIRE(store->Put("old", "1", {}, {}).ok());
  const Setting memory(server, "maxmemory", "1");
  CHECK(absl::IsResourceExhausted(store->Put("new", "1", {}, {}).status()));
  const KeyValue batch[] = {{"a", "1"}, {"b", "2"}};
  CHECK(absl::IsResourceExhausted(store->PutMany(batch, {})));
  CHECK(absl::IsNotFound(store->Get("a", {}).status()));
  CHECK(store->Get("old", {})->value == "1");
  CHECK(store->Delete("old", {}, {}).ok());
}

TEST_CASE("Who may not ask for settings gets a store that promises nothing") {
  const testing::OwnServer own;
  const std::string server = own.Uri();
  REQUIRE(
      Cli(server, {"ACL", "SETUSER", "plain", "reset", "on", ">c4n4ry", "~*", "+@all", "-config"})
          .text == "OK");
  const std::size_t host = server.find("//") + 2;
  Fixture at(server.substr(0, host) + "plain:c4n4ry@" + server.substr(host));
  auto store = at.Open();
  REQUIRE(store.ok());
  CHECK_FALSE((*store)->capabilities().durable);
  CHECK((*store)->Put("a", "1", {}, {}).ok());
  REQUIRE(Cli(server, {"ACL", "SETUSER", "plain", "-evalsha", "-eval"}).text == "OK");
  CHECK(absl::IsUnauthenticated((*store)->Put("a", "2", {}, {}).status()));
  CHECK(RedisDoubts(at.uri, at.environment)->size() >= 3);
  REQUIRE(Cli(server, {"ACL", "DELUSER", "plain"}).integer == 1);
}

}  // namespace
}  // namespace dr
