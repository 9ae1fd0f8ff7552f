#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "catch2/catch.hpp"
#include "dr/environment/descriptor.h"
#include "dr/environment/file_system.h"
#include "tests/support/temp_directory.h"

namespace {

using dr::test::TempDirectory;

// The exit code of `body` in a child whose standard streams are closed.
template <typename Body>
int WithoutStreams(Body body) {
  const pid_t child = fork();
  if (child == 0) {
    for (int stream : {0, 1, 2}) close(stream);
    _exit(body());
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool AreClosed() {
  for (int stream : {0, 1, 2}) {
    if (fcntl(stream, F_GETFD) >= 0) return false;
  }
  return true;
}

TEST_CASE("whatever dr opens leaves the closed standard streams closed (K21)") {
  const TempDirectory temp;
  CHECK(WithoutStreams([&] {
          dr::PosixFileSystem files;
          auto directory = files.OpenDirectory(temp / "new/one", dr::Create::kIfMissing);
          if (!directory.ok() || !AreClosed()) return 1;
          auto file =
              (*directory)
                  ->Open("file", {.access = dr::Access::kWrite, .create = dr::Create::kIfMissing});
          if (!file.ok() || !AreClosed()) return 2;
          auto below = (*directory)->OpenDirectory("below", dr::Create::kIfMissing);
          if (!below.ok() || !AreClosed()) return 3;
          if (!(*directory)->List().ok() || !(*directory)->Volume().ok() || !AreClosed()) return 4;
          return write(1, "x", 1) < 0 && errno == EBADF ? 7 : 5;
        }) == 7);
}

TEST_CASE("what a library opens meanwhile is no standard stream and printing still fails (K21)") {
  CHECK(WithoutStreams([] {
          int opened = -1;
          {
            const dr::StandardStreams outer;
            const dr::StandardStreams inner;
            opened = open("/dev/null", O_RDWR | O_CLOEXEC);
            char byte = 0;
            if (write(1, "x", 1) >= 0 || errno != EBADF) return 1;
            if (read(0, &byte, 1) >= 0 || errno != EBADF) return 2;
          }
          return opened > 2 && AreClosed() ? 7 : 3;
        }) == 7);
}

TEST_CASE("streams that are open stay what they are while the numbers are taken (K21)") {
  CHECK(WithoutStreams([] {
          int pipe_ends[2];
          if (pipe(pipe_ends) != 0) return 1;  // 0 and 1
          {
            const dr::StandardStreams taken;
            if (write(1, "x", 1) != 1) return 2;
            // The program gets itself a stream that was closed.
            if (dup2(pipe_ends[1], 2) != 2) return 3;
          }
          if (write(2, "y", 1) != 1) return 4;
          char both[2];
          return read(0, both, 2) == 2 && both[0] == 'x' && both[1] == 'y' ? 7 : 5;
        }) == 7);
}

TEST_CASE("a child that is forked at any moment can take the numbers itself (K21)") {
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      while (!stop) dr::StandardStreams taken;
    });
  }
  for (int round = 0; round < 200; ++round) {
    CHECK(WithoutStreams([] {
            alarm(30);
            const dr::StandardStreams taken;
            return 7;
          }) == 7);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("a descriptor without a higher number left is closed and says why (K21)") {
  CHECK(WithoutStreams([] {
          const rlimit limit{.rlim_cur = 3, .rlim_max = 3};
          if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
          const dr::FileDescriptor fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
          return !fd.valid() && (errno == EMFILE || errno == EINVAL) && AreClosed() ? 7 : 2;
        }) == 7);
}

}  // namespace
