// Records of a log, written again as groups of another segment: what recovery and salvage share.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/log/wal.h"

namespace dr::inline v0 {

/// Where copied records go.
struct RecordTarget {
  GroupBuilder& builder;  ///< of the segment that they become a part of
  std::span<char> buffer;
  Lsn durable_lsn;  ///< the evidence that the new groups carry
  Digest& history;  ///< gets what the copied records add
  absl::FunctionRef<absl::Status(std::string_view group)> write;
};

/// Copies the records from `first` to `last`, and fewer only if the log ends before. `reader`
/// stands at `first`; nothing behind `last` is read, where there may be damage. Returns how many
/// were copied.
absl::StatusOr<std::uint64_t> CopyRecords(WalReader& reader, Lsn first, Lsn last,
                                          const RecordTarget& target);

}  // namespace dr::inline v0
