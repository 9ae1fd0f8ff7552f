#include "dr/signal.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>

#include "dr/clock.h"
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

// A signal that the program handles elsewhere interrupts the wait, and is not what it waits for.
std::optional<int> ShutdownSignals::WaitFor(std::chrono::nanoseconds timeout) const {
  const sigset_t signals = Signals();
  const SystemClock clock;
  const Instant end = clock.Now() + timeout;
  for (;;) {
    const auto left = std::max(end - clock.Now(), std::chrono::nanoseconds(0));
    const timespec wait = {static_cast<time_t>(left / std::chrono::seconds(1)),
                           static_cast<long>((left % std::chrono::seconds(1)).count())};
    const int signal = sigtimedwait(&signals, nullptr, &wait);
    if (signal > 0) return signal;
    if (errno != EINTR) return std::nullopt;
  }
}

}  // namespace dr::inline v0
