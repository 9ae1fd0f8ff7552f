#include "src/base/fork_guard.h"

#include <sys/wait.h>
#include <unistd.h>

#include "catch2/catch.hpp"

namespace {

// The exit code of `body` run in a forked child.
template <typename Body>
int InForkedChild(Body body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_CASE(
    "A18: a forked child knows that it is one, and so does its own child, and the parent stays") {
  const dr::ForkGuard guard;
  CHECK_FALSE(guard.InChild());
  CHECK(InForkedChild([&] { return guard.InChild() ? 7 : 0; }) == 7);
  CHECK(InForkedChild([&] {
          const pid_t grandchild = fork();
          if (grandchild == 0) _exit(guard.InChild() ? 8 : 0);
          int status = 0;
          waitpid(grandchild, &status, 0);
          return WEXITSTATUS(status);
        }) == 8);
  CHECK_FALSE(guard.InChild());
}

TEST_CASE("A guard made in the child belongs to the child") {
  CHECK(InForkedChild([] {
          const dr::ForkGuard guard;
          return guard.InChild() ? 1 : 9;
        }) == 9);
}

}  // namespace
