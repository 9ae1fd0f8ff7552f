// What befalls a host through the place where its files are, and who else is there.

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>
#include <string>

#include "fmt/format.h"
#include "tests/host/counter_component.h"
#include "tests/host/host_options.h"
#include "tests/host/recording.h"

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
  TemporaryDirectory directory;
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
  TemporaryDirectory directory;
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
  char done = 0;
  CHECK(read(ready[0], &done, 1) == 1);
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
  TemporaryDirectory directory;
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

}  // namespace
}  // namespace dr::test
