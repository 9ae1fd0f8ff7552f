// What befalls a host through the place where its files are, and who else is there.

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>
#include <string>

#include "dr/testing/sim_clock.h"
#include "dr/testing/sim_file_system.h"
#include "tests/host/counter_component.h"
#include "tests/host/recording.h"
#include "tests/host/small_host.h"

namespace dr::test {
namespace {

namespace fs = std::filesystem;

// The exit code of `body` in a child of its own.
int InChild(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// ---- Locks --------------------------------------------------------------------------------------

TEST_CASE("a second host is refused although a cleaner has removed all lock files (K67)") {
  TempDirectory directory;
  Counters counters;
  auto host = Value(Host::Open(Options(directory, {&counters}), {}));
  REQUIRE_OK(counters.Add("a"));
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory.path())) {
    const std::string name = entry.path().filename();
    if (name == "LOCK" || name == ".lock") fs::remove(entry.path());
  }
  for (int attempt = 0; attempt < 2; ++attempt) {
    Counters others;
    const absl::Status refused = Host::Open(Options(directory, {&others}), {}).status();
    CHECK(absl::IsUnavailable(refused));
    CHECK(refused.message().find("another process has the directory locked") !=
          absl::string_view::npos);
  }
  REQUIRE_OK(counters.Add("b"));
  REQUIRE_OK(host->Checkpoint());
  REQUIRE_OK(host->Shutdown());
  host.reset();
  Counters again;
  const auto next = Value(Host::Open(Options(directory, {&again}), {}));
  CHECK(again.Count("a") == 1);
  CHECK(again.Count("b") == 1);
}

TEST_CASE("children that were forked and live on keep no checkpoint and no next host back (K20)") {
  TempDirectory directory;
  int ready[2];
  REQUIRE(pipe2(ready, O_CLOEXEC) == 0);
  const pid_t parent = fork();
  if (parent == 0) {
    Counters counters;
    auto host = Host::Open(Options(directory, {&counters}), {});
    if (!host.ok() || !(*host)->Start().ok()) _exit(1);
    std::jthread checkpoints([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) static_cast<void>((*host)->Checkpoint());
    });
    for (int i = 0; i < 20; ++i) {
      if (!counters.Add("a").ok()) _exit(2);
      if (fork() == 0) {
        if (write(ready[1], "c", 1) != 1) _exit(5);
        for (;;) pause();  // until the group is killed
      }
    }
    checkpoints.request_stop();
    checkpoints.join();
    if (!(*host)->Checkpoint().ok()) _exit(3);
    if (write(ready[1], "x", 1) != 1) _exit(4);
    for (;;) pause();
  }
  setpgid(parent, parent);
  close(ready[1]);
  // Every child has returned from its fork, and the parent is done.
  for (int told = 0; told < 21; ++told) {
    char one = 0;
    REQUIRE(read(ready[0], &one, 1) == 1);
  }
  close(ready[0]);
  kill(parent, SIGKILL);
  waitpid(parent, nullptr, 0);
  {
    Counters counters;
    auto host = Value(Host::Open(Options(directory, {&counters}), {}));
    CHECK(counters.Count("a") == 20);
    REQUIRE_OK(host->Checkpoint());
  }
  kill(-parent, SIGKILL);
}

TEST_CASE("a host in a program without standard streams keeps its log clear of prints (K21)") {
  TempDirectory directory;
  const int code = InChild([&] {
    for (int stream : {0, 1, 2}) close(stream);
    Counters counters;
    auto host = Host::Open(Options(directory, {&counters}), {});
    if (!host.ok() || !(*host)->Start().ok()) return 1;
    for (int i = 0; i < 50; ++i) {
      if (!counters.Add("a").ok()) return 2;
      if (i % 10 == 0 && !(*host)->Checkpoint().ok()) return 3;
      if (write(1, "printed", 7) >= 0 || write(2, "printed", 7) >= 0) return 4;
    }
    return 7;
  });
  CHECK(code == 7);
  Counters counters;
  auto host = Value(Host::Open(Options(directory, {&counters}), {}));
  CHECK(counters.Count("a") == 50);
}

// ---- Places -------------------------------------------------------------------------------------

TEST_CASE("a host in memory says that it promises less than kLocal wants (K31)") {
  for (const Durability durability : {Durability::kLocal, Durability::kProcess}) {
    SimFileSystem disk(
        {.volume = {.type = "tmpfs", .survives_power_loss = false, .is_network = false}});
    Recording events;
    Counters counters;
    auto host = Value(Host::Open({.directory = "/state",
                                  .components = {&counters},
                                  .durability = durability,
                                  .environment = {.files = &disk, .observer = &events}},
                                 {}));
    const std::vector<Event> told = events.Of(EventKind::kWeakStore);
    REQUIRE(told.size() == (durability == Durability::kLocal ? 1 : 0));
    if (told.empty()) continue;
    CHECK(told[0].text.find("tmpfs does not survive a power cut") != std::string::npos);
  }
}

TEST_CASE("on volumes of 10 and 40 MB commits and checkpoints and the shutdown find room (K33)") {
  const std::uint64_t volume_bytes = GENERATE(10, 40) * std::uint64_t{1'000'000};
  SimFileSystem disk({.capacity_bytes = volume_bytes});
  SimClock clock;
  Recording events;
  std::uint64_t acknowledged = 0;
  {
    Counters counters;
    auto host =
        Value(Host::Open({.directory = "/state",
                          .components = {&counters},
                          .checkpoint = {.interval = {}},
                          .environment = {.files = &disk, .clock = &clock, .observer = &events}},
                         {}));
    for (int step = 0; step < 60; ++step) {
      const std::string name(volume_bytes / 50, static_cast<char>('a' + step % 26));
      REQUIRE_OK(counters.Add(name.substr(0, 40)));
      // Much log about little state.
      for (int i = 0; i < 40; ++i) REQUIRE_OK(counters.Add("k"));
      acknowledged += 40;
      clock.Advance(std::chrono::seconds(2));
      REQUIRE_OK(host->Step());
    }
    CHECK(host->figures().checkpoint_failures == 0);
    REQUIRE_OK(host->Shutdown());
  }
  CHECK(events.Of(EventKind::kNoSpace).empty());
  Counters counters;
  auto host =
      Value(Host::Open({.directory = "/state",
                        .components = {&counters},
                        .environment = {.files = &disk, .clock = &clock, .observer = &events}},
                       {}));
  CHECK(counters.Count("k") == acknowledged);
}

// Makes what is no file under `name`.
using Make = std::function<void(const std::string& name)>;

TEST_CASE("a folder or link or FIFO under a name that may be free is set aside (K78)") {
  const Make make =
      GENERATE(Make([](const std::string& name) { fs::create_directories(name + "/full"); }),
               Make([](const std::string& name) { fs::create_symlink("nowhere", name); }),
               Make([](const std::string& name) { REQUIRE(mkfifo(name.c_str(), 0600) == 0); }));
  TempDirectory directory;
  const std::string state = directory.path() + "/state";
  {
    Counters counters;
    auto host = Value(Host::Open(Options(directory, {&counters}), {}));
    REQUIRE_OK(counters.Add("a"));
    REQUIRE_OK(host->Shutdown());
  }
  for (const char* name : {"/RESERVE", "/g-000001/wal/DURABLE", "/g-000001/wal/HEAD.tmp",
                           "/g-000001/wal/probe.tmp", "/g-000001/wal/0000000000009999.spare"}) {
    fs::remove_all(state + name);
    make(state + name);
  }
  Counters counters;
  auto host = Value(Host::Open(Options(directory, {&counters}), {}));
  CHECK(counters.Count("a") == 1);
  for (int i = 0; i < 3; ++i) {
    REQUIRE_OK(counters.Add("b"));
    REQUIRE_OK(host->Checkpoint());
    fs::remove_all(state + "/RESERVE");  // and one that appears while the host runs
    if (i == 0) make(state + "/RESERVE");
  }
  REQUIRE_OK(host->Shutdown());
}

TEST_CASE("what is no file under a name that must be one is refused by that name (K78)") {
  const std::string name =
      GENERATE("LOCK", "CURRENT", "g-000001/wal/LOCK", "g-000001/wal/HEAD", "g-000001/store/.lock");
  const Make make =
      GENERATE(Make([](const std::string& at) { fs::create_directories(at + "/full"); }),
               Make([](const std::string& at) { REQUIRE(mkfifo(at.c_str(), 0600) == 0); }));
  TempDirectory directory;
  {
    Counters counters;
    auto host = Value(Host::Open(Options(directory, {&counters}), {}));
    REQUIRE_OK(counters.Add("a"));
  }
  const std::string place = directory.path() + "/state/" + name;
  fs::remove(place);
  make(place);
  Counters counters;
  const absl::Status refused = Host::Open(Options(directory, {&counters}), {}).status();
  REQUIRE(FaultOf(refused).has_value());
  INFO(refused.ToString());
  CHECK(absl::IsInvalidArgument(refused));
  CHECK(FaultOf(refused)->place.ends_with(fs::path(name).filename().string()));
  CHECK_FALSE(FaultOf(refused)->next.empty());
}

TEST_CASE("a host that was opened as root is opened as the service's user afterwards (K34)") {
  if (geteuid() != 0) {
    WARN("skipped: only root becomes another user");
    return;
  }
  constexpr uid_t kService = 12345;
  TempDirectory directory;
  REQUIRE(chmod(directory.path().c_str(), 0755) == 0);
  const std::string state = directory.path() + "/state";
  fs::create_directory(state);
  REQUIRE(chown(state.c_str(), kService, kService) == 0);
  {
    Counters counters;
    auto host = Value(Host::Open(Options(directory, {&counters}), {}));
    REQUIRE_OK(counters.Add("a"));
    REQUIRE_OK(host->Checkpoint());
    REQUIRE_OK(counters.Add("a"));
  }
  const auto open_as_service = [&](const std::function<int(const absl::Status&, Counters&)>& then) {
    return InChild([&] {
      if (setuid(kService) != 0) return 1;
      Counters counters;
      auto host = Host::Open(Options(directory, {&counters}), {});
      return then(host.status(), counters);
    });
  };
  CHECK(open_as_service([](const absl::Status& status, Counters& counters) {
          return status.ok() && counters.Count("a") == 2 && counters.Add("a").ok() ? 7 : 2;
        }) == 7);
  // A file of root's all the same, as an older version made it: nothing is written.
  const std::string head = state + "/g-000001/wal/HEAD";
  REQUIRE(chown(head.c_str(), 0, 0) == 0);
  const auto before = fs::last_write_time(state + "/g-000001/wal");
  CHECK(open_as_service([](const absl::Status& status, Counters&) {
          const std::string_view message = AsStd(status.message());
          return message.find("wal/HEAD") != message.npos &&
                         message.find("belongs to user 0") != message.npos
                     ? 7
                     : 2;
        }) == 7);
  CHECK(fs::last_write_time(state + "/g-000001/wal") == before);
}

}  // namespace
}  // namespace dr::test
