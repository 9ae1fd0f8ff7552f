// Fields that the messages of a repository share.
#pragma once

#include <cstdint>
#include <vector>

#include "src/format/claim.h"

namespace dr::inline v0 {

/// As two fields, `first` and the one behind it.
template <typename Wire>
void EntryFields(Wire& wire, std::uint32_t first, EntryRef& entry) {
  wire.Varint(first, entry.number);
  wire.Array(first + 1, entry.hash);
}
/// A number and a hash, or neither.
inline bool IsWhole(const EntryRef& entry) {
  return (entry.number == 0) == (entry.hash == Sha256{});
}

template <typename Wire>
void TimeField(Wire& wire, std::uint32_t number, absl::Time& time) {
  auto ns = static_cast<std::uint64_t>(absl::ToUnixNanos(time));
  wire.Fixed64(number, ns);
  time = absl::FromUnixNanos(static_cast<std::int64_t>(ns));
}

inline constexpr auto kEntryFields = [](auto& wire, EntryRef& entry) {
  EntryFields(wire, 1, entry);
};

inline constexpr auto kRunFields = [](auto& wire, EpochRun& run) {
  wire.Varint(1, run.epoch.value);
  wire.Varint(2, run.first_lsn.value);
};
/// In epochs, and not back in Lsns.
inline bool RunsAscend(const std::vector<EpochRun>& runs) {
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].epoch == Epoch{} || runs[i].first_lsn == Lsn{}) return false;
    if (i > 0 && (runs[i - 1].epoch >= runs[i].epoch || runs[i - 1].first_lsn > runs[i].first_lsn))
      return false;
  }
  return true;
}

}  // namespace dr::inline v0
