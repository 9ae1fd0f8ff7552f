#include "dr/signal.h"

#include <pthread.h>
#include <signal.h>

#include <cerrno>

#include "dr/status.h"

namespace dr::inline v0 {
namespace {

sigset_t Signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

}  // namespace

absl::StatusOr<ShutdownSignals> ShutdownSignals::Block() {
  const sigset_t signals = Signals();
  if (int error = pthread_sigmask(SIG_BLOCK, &signals, nullptr); error != 0) {
    return MakeIoFault("pthread_sigmask", "", error);
  }
  return ShutdownSignals();
}

int ShutdownSignals::Wait() const {
  const sigset_t signals = Signals();
  int signal = 0;
  while (sigwait(&signals, &signal) != 0) {
  }
  return signal;
}

std::optional<int> ShutdownSignals::WaitFor(std::chrono::nanoseconds timeout) const {
  const sigset_t signals = Signals();
  const timespec left = {static_cast<time_t>(timeout.count() / 1'000'000'000),
                         static_cast<long>(timeout.count() % 1'000'000'000)};
  const int signal = sigtimedwait(&signals, nullptr, &left);
  return signal > 0 ? std::optional<int>(signal) : std::nullopt;
}

}  // namespace dr::inline v0
