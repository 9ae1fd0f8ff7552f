#include "dr/testing/sim_random.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "dr/status.h"
#include "src/testing/sim/splitmix.h"

namespace dr::inline v0 {

absl::Status SimRandom::Fill(std::span<char> out) {
  MutexLock lock(mutex_);
  if (fails_) return MakeIoFault("getrandom", "the simulated generator", EIO);
  while (!out.empty()) {
    const std::uint64_t bytes = NextOf(state_);
    const std::size_t size = std::min(out.size(), sizeof(bytes));
    std::memcpy(out.data(), &bytes, size);
    out = out.subspan(size);
  }
  return absl::OkStatus();
}

void SimRandom::Fail() {
  MutexLock lock(mutex_);
  fails_ = true;
}

}  // namespace dr::inline v0
