#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <set>
#include <thread>

#include "adapters/redis/group_fixture.h"
#include "adapters/redis/server_fixture.h"
#include "adapters/redis/store_fixture.h"
#include "dr/status.h"

namespace dr {
namespace {

using test::Cli;
using test::Fixture;
using test::OwnGroup;
using test::OwnServer;
using test::Server;

constexpr int kSilenceMs = 1000;

std::string NamespaceOf(const Fixture& at) { return at.uri.substr(at.uri.find("test-")); }

bool IsRollback(const absl::Status& status) {
  const std::optional<Fault> fault = FaultOf(status);
  return fault && fault->kind == FaultKind::kRollback && absl::IsDataLoss(status);
}

// What a fail-over must leave true, whoever leads it.
struct Group {
  explicit Group(const char* starter) : servers(starter, kSilenceMs), at(servers.Uri()) {
    if (std::string_view(starter) == "redis_cluster") {
      const std::string key = fmt::format("{{{}}}:keys", NamespaceOf(at));
      master = test::OwnerOf(servers.Uri(), redis::SlotOf(key));
      replica = test::ReplicaOf(master);
      master_uri = "redis://127.0.0.1:" + master;
      return;
    }
    const std::string& uri = servers.Uri();
    const std::size_t host = uri.find(':');
    const redis::Reply named = Cli("redis" + uri.substr(host, uri.find("/dr-test") - host),
                                   {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", "dr-test"});
    master_uri = "redis://127.0.0.1:" + named.elements[1].text;
  }

  /// Until the replica has what the master has now.
  void AwaitReplica() const {
    const auto number = [](const std::string& text) { return std::atoll(text.c_str()); };
    const redis::Reply now = Cli(master_uri, {"INFO", "replication"});
    const long long wanted = number(redis::InfoOf(now, "master_repl_offset"));
    for (long long has = -1; has < wanted;) {
      const std::string replicas =
          redis::InfoOf(Cli(master_uri, {"INFO", "replication"}), "slave0");
      const std::size_t offset = replicas.find("offset=");
      REQUIRE(offset != replicas.npos);
      has = number(replicas.substr(offset + 7));
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  OwnGroup servers;
  Fixture at;
  std::string master = "master", replica = "replica";
  std::string master_uri;
};

// Calls of a few seconds each until one is neither refused for now nor unknown.
template <typename Call>
absl::Status AwaitEnd(const Fixture& at, const Call& call) {
  const Instant give_up = at.clock.Now() + std::chrono::seconds(60);
  for (;;) {
    const Instant began = at.clock.Now();
    const absl::Status status = call(Context{.deadline = began + std::chrono::seconds(2)});
    INFO(status.ToString());
    REQUIRE(at.clock.Now() - began < std::chrono::seconds(4));
    const bool passing = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
    if (!passing || at.clock.Now() > give_up) return status;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

std::unique_ptr<StateAdapter> OpenAgain(Fixture& at) {
  std::unique_ptr<StateAdapter> store;
  const absl::Status status = AwaitEnd(at, [&](const Context& context) {
    auto opened = at.registry.Open(at.uri, at.environment, context);
    if (opened.ok()) store = *std::move(opened);
    return opened.status();
  });
  INFO(status.ToString());
  REQUIRE(status.ok());
  return store;
}

void LosesNothingSilently(const char* starter) {
  Group group(starter);
  auto store = *group.at.Open();
  CHECK_FALSE(store->capabilities().durable);
  CHECK_FALSE(store->capabilities().fence_safe);
  const std::vector<std::string> weaknesses = store->capabilities().weaknesses;
  REQUIRE_FALSE(weaknesses.empty());
  CHECK(weaknesses[0].find("another server takes over") != std::string::npos);
  std::set<std::string> acknowledged, refused;
  absl::Status last;
  int after = 0;
  for (int number = 0; after < 50; ++number) {
    const std::string key = fmt::format("{:06}", number);
    if (number == 300) group.servers.Signal(group.master, SIGKILL);
    const absl::Status status = AwaitEnd(group.at, [&](const Context& context) {
      return store->Put(key, key, {.condition = PutCondition::kIfAbsent}, context).status();
    });
    INFO(status.ToString());
    if (status.ok()) acknowledged.insert(key);
    // What was sent anew after MOVED, or after it was refused, has not happened before.
    REQUIRE_FALSE(absl::IsAlreadyExists(status));
    REQUIRE((status.ok() || absl::IsUnknown(status) || IsRollback(status)));
    if (number >= 300 && status.ok()) ++after;
    last = status;
    if (IsRollback(status)) break;
  }
  auto anew = OpenAgain(group.at);
  std::size_t missing = 0;
  for (const std::string& key : acknowledged) {
    auto item = anew->Get(key, {});
    REQUIRE((item.ok() || absl::IsNotFound(item.status())));
    missing += item.ok() ? 0 : 1;
  }
  CHECK((missing > 0) == IsRollback(last));
}

TEST_CASE("D13: A master of a cluster dies among writes, and none is lost in silence") {
  LosesNothingSilently("redis_cluster");
}

TEST_CASE("D13: Sentinels replace a master among writes, and none is lost in silence") {
  LosesNothingSilently("redis_sentinel");
}

void ReportsWhatAReplicaNeverHad(const char* starter) {
  Group group(starter);
  auto store = *group.at.Open();
  auto reader = *group.at.Open();
  REQUIRE(store->Put("early", "1", {}, {}).ok());
  CHECK(reader->Get("early", {})->value == "1");
  group.AwaitReplica();
  // More than sockets hold, so that it stays with the master.
  const std::string value(std::size_t{1} << 20, 'v');
  group.servers.Signal(group.replica, SIGSTOP);
  for (int i = 0; i < 24; ++i) {
    REQUIRE(store->Put(fmt::format("late/{:02}", i), value, {}, {}).ok());
  }
  group.servers.Signal(group.master, SIGKILL);
  group.servers.Signal(group.replica, SIGCONT);
  const absl::Status status = AwaitEnd(
      group.at, [&](const Context& context) { return store->Get("early", context).status(); });
  INFO(status.ToString());
  CHECK(IsRollback(status));
  CHECK(IsRollback(store->Put("new", "1", {}, {}).status()));
  CHECK(IsRollback(store->Delete("early", {}, {})));
  CHECK(IsRollback(store->List("", "", {}).status()));
  CHECK(IsRollback(store->Check({})));
  // Who wrote nothing that was lost goes on; so does the one who opens it again.
  CHECK(AwaitEnd(group.at, [&](const Context& context) {
          return reader->Get("early", context).status();
        }).ok());
  auto anew = OpenAgain(group.at);
  CHECK(absl::IsNotFound(anew->Get("late/23", {}).status()));
  CHECK(absl::IsNotFound(anew->Get("new", {}).status()));
  CHECK(anew->Put("late/23", value, {}, {}).ok());
}

TEST_CASE("D13: What a lagging replica of a cluster never had is reported as lost") {
  ReportsWhatAReplicaNeverHad("redis_cluster");
}

TEST_CASE("D13: What a replica never had that sentinels made the master is reported as lost") {
  ReportsWhatAReplicaNeverHad("redis_sentinel");
}

TEST_CASE("Whom sentinels name and who has become a replica is not used") {
  Group group("redis_sentinel");
  REQUIRE((*group.at.Open())->Put("k", "1", {}, {}).ok());
  REQUIRE(Cli(group.master_uri, {"REPLICAOF", "127.0.0.1", "1"}).text == "OK");
  const Context soon{.deadline = group.at.clock.Now() + std::chrono::milliseconds(500)};
  const auto opened = group.at.registry.Open(group.at.uri, group.at.environment, soon);
  INFO(opened.status().ToString());
  const bool refused =
      absl::IsUnavailable(opened.status()) || absl::IsDeadlineExceeded(opened.status());
  // Unless the sentinel was so quick as to make it the master again.
  const redis::Reply replication = Cli(group.master_uri, {"INFO", "replication"});
  CHECK((refused || redis::InfoOf(replication, "role") == "master"));
}

TEST_CASE("D13: A server that restarts without its data is not mistaken for an empty store") {
  OwnServer own;
  Fixture at(own.Uri());
  auto store = *at.Open();
  auto reader = *at.Open();
  REQUIRE(store->Put("a", "1", {}, {}).ok());
  own.Kill();
  own.LoseData();
  own.Start();
  for (StateAdapter* each : {store.get(), reader.get()}) {
    const absl::Status status = each->Get("a", {}).status();
    INFO(status.ToString());
    CHECK(IsRollback(status));
    CHECK(IsRollback(each->Put("b", "1", {}, {}).status()));
  }
  auto anew = *at.Open();
  CHECK(absl::IsNotFound(anew->Get("b", {}).status()));
}

TEST_CASE("D13: A server that is emptied under its clients is noticed by a write and by a check") {
  const OwnServer own;
  Fixture at(own.Uri());
  auto store = *at.Open();
  auto reader = *at.Open();
  REQUIRE(store->Put("a", "1", {}, {}).ok());
  REQUIRE(store->Put("a", "2", {}, {}).ok());
  REQUIRE(Cli(own.Uri(), {"FLUSHALL"}).text == "OK");
  CHECK(absl::IsUnknown(store->Put("a", "3", {}, {}).status()));
  CHECK(IsRollback(store->Put("a", "4", {}, {}).status()));
  CHECK((*at.Open())->Get("a", {})->value == "3");
  CHECK(IsRollback(reader->Check({})));
}

// A slot of the cluster on its way from one node to another.
class MovingSlot {
 public:
  MovingSlot(const std::string& cluster, std::uint16_t slot) : slot_(fmt::format("{}", slot)) {
    from_ = test::OwnerOf(cluster, slot);
    to_ = from_;
    for (std::uint16_t other = 0; to_ == from_; other += 1024) {  // earlier tests moved some
      to_ = test::OwnerOf(cluster, other);
    }
    from_id_ = Ask(from_, {"CLUSTER", "MYID"}).text;
    to_id_ = Ask(to_, {"CLUSTER", "MYID"}).text;
    Ask(to_, {"CLUSTER", "SETSLOT", slot_, "IMPORTING", from_id_});
    Ask(from_, {"CLUSTER", "SETSLOT", slot_, "MIGRATING", to_id_});
  }
  void Move(const std::string& key) const {
    CHECK(Ask(from_, {"MIGRATE", "127.0.0.1", to_, key, "0", "5000"}).text == "OK");
  }
  void Finish() const {
    for (const redis::Reply& key : Ask(from_, {"CLUSTER", "GETKEYSINSLOT", slot_, "99"}).elements) {
      Move(key.text);
    }
    Ask(to_, {"CLUSTER", "SETSLOT", slot_, "NODE", to_id_});
    Ask(from_, {"CLUSTER", "SETSLOT", slot_, "NODE", to_id_});
  }

 private:
  static redis::Reply Ask(const std::string& port, const redis::Command& command) {
    redis::Reply reply = Cli("redis://127.0.0.1:" + port, command);
    INFO(reply.text);
    REQUIRE_FALSE(reply.failed());
    return reply;
  }
  std::string slot_, from_, to_, from_id_, to_id_;
};

TEST_CASE("D13: Values are found while their slot moves to another node, and written afterwards") {
  Fixture at(Server("DR_TEST_REDIS_CLUSTER"));
  auto store = *at.Open();
  REQUIRE(store->Put("stays", "1", {}, {}).ok());
  REQUIRE(store->Put("moves", "2", {}, {}).ok());
  const std::string tag = fmt::format("{{{}}}", NamespaceOf(at));
  const MovingSlot slot(Server("DR_TEST_REDIS_CLUSTER"), redis::SlotOf(tag));
  slot.Move(tag + ":v:moves");
  CHECK(store->Get("stays", {})->value == "1");
  CHECK(store->Get("moves", {})->value == "2");
  const std::string_view all[] = {"moves", "stays", "none"};
  const auto found = store->GetMany(all, {});
  CHECK(found[0]->value == "2");
  CHECK(found[1]->value == "1");
  CHECK(absl::IsNotFound(found[2].status()));
  CHECK(store->List("", "", {})->entries.size() == 2);
  // Its keys are at two places.
  CHECK(absl::IsUnavailable(store->Put("moves", "3", {}, {}).status()));
  CHECK((*at.Open())->Get("moves", {})->value == "2");
  slot.Finish();
  CHECK(store->Put("moves", "3", {}, {}).ok());
  CHECK(store->Get("stays", {})->value == "1");
  CHECK(store->Get("moves", {})->value == "3");
  CHECK(store->Check({}).ok());
}

}  // namespace
}  // namespace dr
