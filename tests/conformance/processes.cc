#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "tests/conformance/store_cases.h"

namespace dr::test {
namespace {

constexpr int kProcesses = 3;
constexpr int kRounds = 40;
constexpr int kKills = 25;
constexpr int kKilledKeys = 5;

absl::Status Fail(const std::string& what) { return absl::InternalError(AsAbsl(what)); }

// This program as a child with a role: it starts to work when it is told, and reports numbers.
class Child {
 public:
  Child(std::string_view role, const std::string& uri, const std::string& prefix, int number) {
    int go[2], reports[2];
    if (pipe2(go, O_CLOEXEC) != 0 || pipe2(reports, O_CLOEXEC) != 0) return;
    const std::string role_text(role), number_text = fmt::format("{}", number);
    const char* const arguments[] = {"conformance", "child",        role_text.c_str(),
                                     uri.c_str(),   prefix.c_str(), number_text.c_str(),
                                     nullptr};
    pid_ = fork();
    if (pid_ == 0) {
      dup2(go[0], STDIN_FILENO);
      dup2(reports[1], STDOUT_FILENO);
      execv("/proc/self/exe", const_cast<char* const*>(arguments));
      _exit(127);
    }
    close(go[0]);
    close(reports[1]);
    go_ = go[1];
    reports_ = fdopen(reports[0], "r");
  }
  ~Child() {
    if (pid_ > 0) Kill();
    close(go_);
    if (reports_ != nullptr) fclose(reports_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// It has opened the store.
  bool AwaitReady() { return Next() == -1; }
  void Go() { static_cast<void>(write(go_, "g", 1)); }
  /// None when it has ended.
  std::optional<int> Next() {
    int number = 0;
    if (reports_ == nullptr || fscanf(reports_, "%d", &number) != 1) return std::nullopt;
    return number;
  }
  void Kill() {
    kill(pid_, SIGKILL);
    static_cast<void>(Await());
  }
  absl::Status Await() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0
               ? absl::OkStatus()
               : Fail(fmt::format("a child ended with {}", status));
  }

 private:
  pid_t pid_ = -1;
  int go_ = -1;
  FILE* reports_ = nullptr;
};

void Report(int number) {
  const std::string line = fmt::format("{}\n", number);
  if (write(STDOUT_FILENO, line.data(), line.size()) < 0) _exit(3);
}

// All numbers that the children report, by child.
absl::StatusOr<std::vector<std::vector<int>>> Race(std::string_view role, const std::string& uri,
                                                   const std::string& prefix) {
  std::vector<std::unique_ptr<Child>> children;
  for (int i = 0; i < kProcesses; ++i) {
    children.push_back(std::make_unique<Child>(role, uri, prefix, i));
  }
  for (const auto& child : children) {
    if (!child->AwaitReady()) return Fail("a child could not open the store");
  }
  for (const auto& child : children) child->Go();
  std::vector<std::vector<int>> reported(kProcesses);
  for (int i = 0; i < kProcesses; ++i) {
    while (std::optional<int> number = children[i]->Next()) reported[i].push_back(*number);
    DR_RETURN_IF_ERROR(children[i]->Await());
  }
  return reported;
}

absl::Status OneCreates(const Store& store_at, const std::string& prefix) {
  Place place(store_at);
  DR_ASSIGN_OR_RETURN(std::string uri, place.Uri());
  DR_ASSIGN_OR_RETURN(auto won, Race("create", uri, prefix));
  std::map<int, int> winner;
  for (int i = 0; i < kProcesses; ++i) {
    for (int round : won[i]) {
      if (!winner.emplace(round, i).second) return Fail(fmt::format("round {}: two won", round));
    }
  }
  if (winner.size() != kRounds) return Fail("a round that nobody won");
  DR_ASSIGN_OR_RETURN(std::unique_ptr<StateAdapter> store, OpenUri(uri));
  for (const auto& [round, process] : winner) {
    DR_ASSIGN_OR_RETURN(Item item, store->Get(fmt::format("{}{}", prefix, round), {}));
    if (item.value != fmt::format("{}", process)) return Fail("another's value is there");
  }
  return absl::OkStatus();
}

absl::Status NoUpdateIsLost(const Store& store_at, const std::string& prefix) {
  Place place(store_at);
  DR_ASSIGN_OR_RETURN(std::string uri, place.Uri());
  {
    DR_ASSIGN_OR_RETURN(std::unique_ptr<StateAdapter> store, OpenUri(uri));
    DR_RETURN_IF_ERROR(store->Put(prefix + "counter", "", {}, {}).status());
  }
  DR_RETURN_IF_ERROR(Race("count", uri, prefix).status());
  DR_ASSIGN_OR_RETURN(std::unique_ptr<StateAdapter> store, OpenUri(uri));
  DR_ASSIGN_OR_RETURN(Item item, store->Get(prefix + "counter", {}));
  if (item.value.size() == kProcesses * kRounds) return absl::OkStatus();
  return Fail(fmt::format("{} updates were acknowledged, {} are there", kProcesses * kRounds,
                          item.value.size()));
}

std::string KilledKey(const std::string& prefix, int number) {
  return fmt::format("{}{}", prefix, number % kKilledKeys);
}

std::string KilledValue(int number) {
  std::string value;
  for (int i = 0; i < 2'000; ++i) value += fmt::format("{:08}", number);
  return value;
}

// Each key has its last acknowledged value, or one that was put after it, as a whole.
absl::Status CheckKilled(const std::string& uri, const std::string& prefix,
                         const std::map<std::string, int>& acknowledged) {
  DR_ASSIGN_OR_RETURN(std::unique_ptr<StateAdapter> store, OpenUri(uri));
  for (const auto& [key, number] : acknowledged) {
    DR_ASSIGN_OR_RETURN(Item item, store->Get(key, {}));
    const int found = std::atoi(item.value.substr(0, 8).c_str());
    if (item.value != KilledValue(found)) return Fail("a value is torn");
    if (found < number) return Fail(fmt::format("{} was acknowledged, {} is there", number, found));
  }
  DR_ASSIGN_OR_RETURN(Page page, store->List(prefix, "", {}));
  for (const ListEntry& entry : page.entries) {
    DR_ASSIGN_OR_RETURN(Item item, store->Get(entry.key, {}));
    const int found = std::atoi(item.value.substr(0, 8).c_str());
    if (KilledKey(prefix, found) != entry.key || item.value != KilledValue(found)) {
      return Fail(fmt::format("{} is nothing that was put", entry.key));
    }
  }
  return absl::OkStatus();
}

absl::Status KillLosesNothing(const Store& store_at, const std::string& prefix) {
  Place place(store_at);
  DR_ASSIGN_OR_RETURN(std::string uri, place.Uri());
  std::mt19937 random(20'231);
  std::map<std::string, int> acknowledged;
  for (int kill = 0; kill < kKills; ++kill) {
    Child child("put", uri, prefix, kill * 100'000);
    if (!child.AwaitReady()) return Fail("a child could not open the store");
    child.Go();
    const auto take = [&] {
      const std::optional<int> number = child.Next();
      if (number) acknowledged[KilledKey(prefix, *number)] = *number;
      return number.has_value();
    };
    for (auto i = random() % 20; i > 0; --i) {
      if (!take()) return Fail("a child ended by itself");
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 3'000));
    child.Kill();
    while (take()) {
    }
    DR_RETURN_IF_ERROR(CheckKilled(uri, prefix, acknowledged));
  }
  return acknowledged.empty() ? Fail("nothing was ever acknowledged") : absl::OkStatus();
}

absl::Status Create(StateAdapter& store, const std::string& prefix, int number) {
  for (int round = 0; round < kRounds; ++round) {
    auto put = store.Put(fmt::format("{}{}", prefix, round), fmt::format("{}", number),
                         {.condition = PutCondition::kIfAbsent}, {});
    if (put.ok()) Report(round);
    if (!put.ok() && !absl::IsAlreadyExists(put.status())) return put.status();
  }
  return absl::OkStatus();
}

absl::Status Count(StateAdapter& store, const std::string& prefix) {
  for (int done = 0; done < kRounds;) {
    DR_ASSIGN_OR_RETURN(Item item, store.Get(prefix + "counter", {}));
    auto put = store.Put(prefix + "counter", item.value + "x",
                         {.condition = PutCondition::kIfVersion, .version = item.version}, {});
    if (absl::IsAborted(put.status())) continue;
    DR_RETURN_IF_ERROR(put.status());
    ++done;
  }
  return absl::OkStatus();
}

absl::Status PutForEver(StateAdapter& store, const std::string& prefix, int number) {
  for (;; ++number) {
    DR_RETURN_IF_ERROR(store.Put(KilledKey(prefix, number), KilledValue(number), {}, {}).status());
    Report(number);
  }
}

bool RacesByCreation(const Store& store) {
  return store.clients == Clients::kProcesses && store.declared.if_absent;
}
bool RacesByVersion(const Store& store) {
  return store.clients == Clients::kProcesses && store.declared.if_version;
}
bool Outlives(const Store& store) {
  return store.clients == Clients::kProcesses || store.clients == Clients::kProcessAtATime;
}

constexpr StoreCase kCases[] = {
    {"P21: One of three processes creates a key", RacesByCreation, OneCreates},
    {"P21: No update by version is lost among three processes", RacesByVersion, NoUpdateIsLost},
    {"What was acknowledged survives the kill of its client, and nothing is torn", Outlives,
     KillLosesNothing},
};

}  // namespace

std::span<const StoreCase> ProcessCases() { return kCases; }

absl::Status RunChild(std::string_view role, std::string_view uri, const std::string& prefix,
                      int number) {
  DR_ASSIGN_OR_RETURN(std::unique_ptr<StateAdapter> store, OpenUri(uri));
  Report(-1);
  char go = 0;
  if (read(STDIN_FILENO, &go, 1) != 1) return absl::CancelledError("nobody said go");
  if (role == "create") return Create(*store, prefix, number);
  if (role == "count") return Count(*store, prefix);
  return PutForEver(*store, prefix, number);
}

}  // namespace dr::test
