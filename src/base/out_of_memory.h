// The border that no exception crosses.
#pragma once

#include <new>
#include <system_error>

#include "absl/status/status.h"

namespace dr::inline v0 {

/// Runs `body`, which returns a status or a StatusOr. If memory or threads run out on the way, the
/// result is kResourceExhausted, or kUnknown if `*begun` says that there was an effect by then. It
/// has no message, because a message takes memory.
template <typename Body>
auto WithinMemory(Body body, const bool* begun = nullptr) noexcept -> decltype(body()) {
  const auto out_of_memory = [begun] {
    return absl::Status(begun != nullptr && *begun ? absl::StatusCode::kUnknown
                                                   : absl::StatusCode::kResourceExhausted,
                        "");
  };
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  } catch (const std::system_error&) {
    return out_of_memory();
  }
}

}  // namespace dr::inline v0
