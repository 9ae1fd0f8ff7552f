// A Ceph that keeps what it stores, and is killed and stopped.
#include <signal.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>
#include <vector>

#include "adapters/s3/store_fixture.h"
#include "dr/adapter/layers.h"
#include "dr/status.h"
#include "tests/support/temp_directory.h"

namespace dr::s3_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class OwnCeph {
 public:
  OwnCeph() : starter_(Variable("DR_TEST_CEPH")) {
    const std::string command = fmt::format("CEPH_STORE=bluestore {} start {} 2>{}", starter_,
                                            folder_.path(), folder_ / "log");
    FILE* pipe = popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string said(4096, '\0');
    said.resize(fread(said.data(), 1, said.size(), pipe));
    INFO(command);
    REQUIRE(pclose(pipe) == 0);
    std::istringstream lines(said);
    for (std::string line; std::getline(lines, line);) {
      const std::size_t equals = line.find('=');
      said_[line.substr(0, equals)] = line.substr(equals + 1);
    }
  }
  ~OwnCeph() { Run("kill", ""); }
  OwnCeph(const OwnCeph&) = delete;
  OwnCeph& operator=(const OwnCeph&) = delete;

  std::unique_ptr<StateAdapter> Open(Machine& machine) {
    auto store =
        OpenStore(machine, said_["DR_TEST_S3"],
                  Keys(said_["DR_TEST_AWS_ACCESS_KEY_ID"], said_["DR_TEST_AWS_SECRET_ACCESS_KEY"]));
    INFO(store.status().ToString());
    REQUIRE(store.ok());
    REQUIRE((*store)->capabilities().fence_safe);
    return *std::move(store);
  }
  // Of the gateway, the mon and the osd.
  void Send(int signal, const std::string& to) {
    std::ifstream pids(folder_ / "pids");
    pid_t pid = 0;
    for (std::string name; pids >> pid >> name;) {
      if (name == to) kill(pid, signal);
    }
  }
  void Restart(const std::string& names) { Run("restart", names); }

 private:
  void Run(const std::string& verb, const std::string& names) {
    const std::string command =
        fmt::format("{} {} {} {} 2>>{}", starter_, verb, folder_.path(), names, folder_ / "log");
    INFO(command);
    CHECK(std::system(command.c_str()) == 0);
  }

  const std::string starter_;
  test::TempDirectory folder_;
  std::map<std::string, std::string> said_;
};

// Threads that create one key after the other, and what became of each.
class Writers {
 public:
  Writers(StateAdapter& store, const Machine& machine) : store_(store), machine_(machine) {
    for (int i = 0; i < 4; ++i) {
      threads_.emplace_back([this, i](const std::stop_token& stop) { Write(i, stop); });
    }
  }

  int acknowledged() const { return acknowledged_; }
  int unknown() const { return unknown_; }
  void AwaitMore() const {
    const int before = acknowledged_;
    const Instant end = machine_.clock.Now() + seconds(60);
    while (acknowledged_ < before + 20) {
      REQUIRE(machine_.clock.Now() < end);
      std::this_thread::sleep_for(milliseconds(5));
    }
  }
  void Stop() { threads_.clear(); }
  static std::string ValueOf(const std::string& key) {
    std::string value;
    while (value.size() < 100'000) value += key;
    return value;
  }

  std::map<std::string, absl::Status> outcomes;  // of each key, once they have stopped

 private:
  void Write(int writer, const std::stop_token& stop) {
    for (int i = 0; !stop.stop_requested(); ++i) {
      const std::string key = fmt::format("writer{}/{:06}", writer, i);
      const absl::Status status =
          store_
              .Put(key, ValueOf(key), {.condition = PutCondition::kIfAbsent},
                   machine_.Within(seconds(3)))
              .status();
      if (status.ok()) ++acknowledged_;
      if (absl::IsUnknown(status)) ++unknown_;
      if (!status.ok()) std::this_thread::sleep_for(milliseconds(100));
      const std::lock_guard lock(mutex_);
      outcomes[key] = status;
    }
  }

  StateAdapter& store_;
  const Machine& machine_;
  std::mutex mutex_;
  std::atomic<int> acknowledged_ = 0, unknown_ = 0;
  std::vector<std::jthread> threads_;
};

// What was acknowledged is there, what failed is not, and what is unknown is there or not, whole.
void CheckOutcomes(StateAdapter& store, const std::map<std::string, absl::Status>& outcomes) {
  for (const auto& [key, status] : outcomes) {
    const absl::StatusOr<Item> item = store.Get(key, {});
    INFO(key << ", put: " << status.ToString() << ", got: " << item.status().ToString());
    if (status.ok()) CHECK(item.ok());
    if (!status.ok() && !absl::IsUnknown(status)) CHECK(absl::IsNotFound(item.status()));
    if (item.ok()) CHECK(item->value == Writers::ValueOf(key));
    if (!item.ok()) CHECK(absl::IsNotFound(item.status()));
  }
  std::string after;
  for (bool more = true; more;) {
    const absl::StatusOr<Page> page = store.List("writer", after, {});
    REQUIRE(page.ok());
    for (const ListEntry& entry : page->entries) CHECK(outcomes.contains(entry.key));
    more = page->more;
    if (more) after = page->entries.back().key;
  }
}

void CheckKills(OwnCeph& ceph, Machine& machine) {
  const auto store = ceph.Open(machine);
  Writers writers(*store, machine);
  writers.AwaitMore();
  for (int i = 0; i < 20 && writers.unknown() == 0; ++i) {
    ceph.Send(SIGKILL, "gateway");
    ceph.Restart("gateway");
    writers.AwaitMore();
  }
  for (const char* name : {"osd", "mon", "gateway"}) ceph.Send(SIGKILL, name);
  ceph.Restart("mon osd gateway");
  writers.AwaitMore();
  writers.Stop();
  CHECK(writers.unknown() > 0);
  CheckOutcomes(*store, writers.outcomes);
}

class Stopped {
 public:
  explicit Stopped(OwnCeph& ceph) : ceph_(ceph) { ceph_.Send(SIGSTOP, "osd"); }
  ~Stopped() { ceph_.Send(SIGCONT, "osd"); }

 private:
  OwnCeph& ceph_;
};

void CheckTimeOut(OwnCeph& ceph, Machine& machine) {
  const auto store = ceph.Open(machine);
  const PutOptions create = {.condition = PutCondition::kIfAbsent};
  {
    const Stopped osd(ceph);
    CHECK(absl::IsUnknown(store->Put("late", "late", create, machine.Within(seconds(1))).status()));
    CHECK(absl::IsDeadlineExceeded(store->Get("late", machine.Within(seconds(1))).status()));
  }
  absl::StatusOr<Item> item = store->Get("late", {});
  const Instant end = machine.clock.Now() + seconds(30);
  while (absl::IsNotFound(item.status()) && machine.clock.Now() < end) {
    item = store->Get("late", {});
  }
  INFO(item.status().ToString());
  REQUIRE(item.ok());
  CHECK(item->value == "late");
  CHECK(absl::IsAlreadyExists(store->Put("late", "again", create, {}).status()));
}

void CheckSettlement(OwnCeph& ceph, Machine& machine) {
  StoreMetrics metrics;
  const auto store =
      AddLayers(ceph.Open(machine), {.attempt_timeout = seconds(1)},
                {.clock = &machine.clock, .random = &machine.random, .metrics = &metrics});
  REQUIRE(store.ok());
  absl::StatusOr<Version> version;
  for (const std::string value : {"first", "second", "third"}) {
    INFO(value);
    const bool creates = value == "first";
    const PutOptions options = creates ? PutOptions{.condition = PutCondition::kIfAbsent}
                                       : PutOptions{PutCondition::kIfVersion, *version, {}};
    ceph.Send(SIGSTOP, "osd");
    std::jthread later([&] {
      std::this_thread::sleep_for(milliseconds(1500));
      ceph.Send(SIGCONT, "osd");
    });
    version = (*store)->Put("settled", value, options, {});
    INFO(version.status().ToString());
    REQUIRE(version.ok());
    // A late repetition would have changed the version since.
    const absl::StatusOr<Item> item = (*store)->Get("settled", {});
    REQUIRE(item.ok());
    CHECK(item->value == value);
    CHECK(item->version == *version);
  }
  CHECK(metrics.Read().retries >= 3);
}

// One test, since it takes seconds to start one.
TEST_CASE("D4: D12: A Ceph that is killed loses nothing, and what it was late with is settled",
          "[long]") {
  Machine machine;
  OwnCeph ceph;
  CheckTimeOut(ceph, machine);
  CheckSettlement(ceph, machine);
  CheckKills(ceph, machine);
}

}  // namespace
}  // namespace dr::s3_test
