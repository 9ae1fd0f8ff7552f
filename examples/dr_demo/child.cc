#include "examples/dr_demo/child.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "dr/status.h"

namespace demo {

absl::StatusOr<Child> Child::Start(const std::vector<std::string>& arguments) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return dr::MakeIoFault("pipe2", "worker", errno);
  fcntl(ends[1], F_SETPIPE_SZ, 4096);  // a worker cannot run far ahead of what the parent has read
  std::vector<char*> argv = {const_cast<char*>("dr_demo")};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], kReportPipe);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, "/proc/self/exe", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error != 0) {
    close(ends[0]);
    return dr::MakeIoFault("posix_spawn", "worker", error);
  }
  return Child(pid, ends[0]);
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), pipe_(std::exchange(other.pipe_, -1)) {}

Child::~Child() {
  if (pid_ > 0) {
    Kill();
    Wait();
  }
  if (pipe_ >= 0) close(pipe_);
}

void Child::Kill() {
  if (pid_ > 0) kill(pid_, SIGKILL);
}

int Child::Wait() {
  int ended = 0;
  while (waitpid(pid_, &ended, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  return ended;
}

void DieWithParent() {
  const pid_t parent = getppid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);  // it ended in between
}

}  // namespace demo
