#include "dr/environment/random.h"

#include <sys/random.h>

#include <cerrno>

#include "dr/status.h"
#include "dr/status_macros.h"

namespace dr::inline v0 {

absl::StatusOr<std::uint64_t> Random::Next() {
  std::uint64_t value = 0;
  DR_RETURN_IF_ERROR(Fill({reinterpret_cast<char*>(&value), sizeof(value)}));
  return value;
}

absl::Status SystemRandom::Fill(std::span<char> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return MakeIoFault("getrandom", "the kernel's random generator", errno);
    out = out.subspan(static_cast<std::size_t>(got));
  }
  return absl::OkStatus();
}

}  // namespace dr::inline v0
