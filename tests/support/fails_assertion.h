// An assertion of dr's own ends the process, so a child process is where a test sees it fail.
//
//   CHECK(FailsAssertion("durable <= dispatched_", [&] { positions.Check(); }));
#pragma once

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>
#include <string>
#include <string_view>

namespace dr::test {

/// Whether `body`, in a forked child, is ended by an assertion whose line holds `condition`. The
/// calling process has one thread.
template <typename Body>
bool FailsAssertion(std::string_view condition, Body body) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("pipe failed");
  const pid_t child = fork();
  if (child == 0) {
    const rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    std::signal(SIGABRT, SIG_DFL);  // Catch2 would report a failed test
    dup2(ends[1], STDERR_FILENO);
    body();
    _exit(0);
  }
  close(ends[1]);
  std::string said;
  char chunk[256];
  for (ssize_t got = 0; (got = read(ends[0], chunk, sizeof(chunk))) > 0;) {
    said.append(chunk, static_cast<std::size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT &&
         said.find("dr: assertion failed at ") != std::string::npos &&
         said.find(condition) != std::string::npos;
}

}  // namespace dr::test
