// Reading what a host may be changing.
#pragma once

#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "dr/status.h"

namespace dr::inline v0 {

inline constexpr int kReadAttemptsMax = 10;

inline absl::Status ChangesTooFast() {
  return MakeFault({.kind = FaultKind::kBusy, .next = "run it again when the host has less to do"},
                   "what is here changes faster than it can be read");
}

/// Reads until no damage is found, or twice in a row the same: what a host at work changes between
/// two reads may look like damage once, and never twice alike. `error_of` says what is wrong with a
/// result.
template <typename Read, typename ErrorOf>
std::invoke_result_t<Read> Settled(Read read, ErrorOf error_of) {
  absl::Status before = absl::OkStatus();
  for (int attempt = 0; attempt <= kReadAttemptsMax; ++attempt) {
    std::invoke_result_t<Read> result = read();
    absl::Status error = error_of(result);
    const bool in_doubt = absl::IsDataLoss(error) || absl::IsNotFound(error);
    if (!in_doubt || error == before) return result;
    before = std::move(error);
  }
  return ChangesTooFast();
}
template <typename Read>
auto Settled(Read read) {
  return Settled(std::move(read), [](const auto& result) { return result.status(); });
}

/// For results that have their damage as a part.
inline constexpr auto kDamageOf = [](const auto& result) {
  return result.ok() ? result->damage : result.status();
};

}  // namespace dr::inline v0
