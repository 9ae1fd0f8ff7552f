#include "bench/peers/server_process.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <string_view>
#include <thread>

#include "bench/rate.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace bench {
namespace {

constexpr double kStartSeconds = 20, kStopSeconds = 20;

void Nap() { std::this_thread::sleep_for(std::chrono::milliseconds(5)); }

absl::Status Failed(const ServerCommand& command, std::string_view what) {
  std::ifstream file(command.output);
  std::string output{std::istreambuf_iterator<char>(file), {}};
  if (output.size() > 500) output.erase(0, output.size() - 500);
  return absl::UnavailableError(fmt::format("{} {}: {}", command.arguments.front(), what, output));
}

absl::StatusOr<pid_t> Spawn(const ServerCommand& command) {
  const passwd* user = nullptr;
  if (geteuid() == 0 && !command.user.empty()) {
    user = getpwnam(command.user.c_str());
    if (user == nullptr) return absl::UnavailableError("there is no user " + command.user);
  }
  std::vector<char*> arguments;
  for (const std::string& argument : command.arguments) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  const pid_t pid = fork();
  if (pid < 0) return absl::UnavailableError("fork failed");
  if (pid > 0) return pid;
  // In the child: nothing that allocates.
  const int out = open(command.output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (out < 0 || in < 0) _exit(126);
  dup2(in, 0);
  dup2(out, 1);
  dup2(out, 2);
  if (user != nullptr &&
      (setgroups(0, nullptr) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)) {
    _exit(126);
  }
  prctl(PR_SET_PDEATHSIG, command.stop_signal);
  setsid();  // a Ctrl-C in the terminal is for the bench, which then stops the server in order
  execvp(arguments[0], arguments.data());
  constexpr std::string_view kMissing = "it cannot be run; is it installed?";
  if (write(2, kMissing.data(), kMissing.size()) < 0) _exit(126);
  _exit(127);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ServerProcess>> ServerProcess::Start(
    const ServerCommand& command, absl::FunctionRef<bool()> ready) {
  DR_ASSIGN_OR_RETURN(pid_t pid, Spawn(command));
  std::unique_ptr<ServerProcess> server(new ServerProcess(pid, command.stop_signal));
  for (const double end = Seconds() + kStartSeconds; Seconds() < end; Nap()) {
    if (server->Ended()) return Failed(command, "ended at once");
    if (ready()) return server;
  }
  return Failed(command, "did not come up");
}

bool ServerProcess::Ended() {
  if (pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = 0;
  return pid_ == 0;
}

ServerProcess::~ServerProcess() {
  if (Ended()) return;
  kill(pid_, stop_signal_);
  for (const double end = Seconds() + kStopSeconds; Seconds() < end; Nap()) {
    if (Ended()) return;
  }
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

absl::Status RunToEnd(const ServerCommand& command) {
  DR_ASSIGN_OR_RETURN(pid_t pid, Spawn(command));
  int result = 0;
  while (waitpid(pid, &result, 0) < 0 && errno == EINTR) {
  }
  return result == 0 ? absl::OkStatus() : Failed(command, "failed");
}

absl::Status GiveTo(const std::string& directory, const std::string& user) {
  if (geteuid() != 0) return absl::OkStatus();
  const passwd* entry = getpwnam(user.c_str());
  if (entry == nullptr) return absl::UnavailableError("there is no user " + user);
  if (chown(directory.c_str(), entry->pw_uid, entry->pw_gid) != 0) {
    return absl::UnavailableError("chown failed for " + directory);
  }
  return absl::OkStatus();
}

}  // namespace bench
