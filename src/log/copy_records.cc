#include "src/log/copy_records.h"

#include <optional>

#include "dr/status_macros.h"
#include "src/base/assert.h"
#include "src/format/history.h"

namespace dr::inline v0 {

absl::StatusOr<std::uint64_t> CopyRecords(WalReader& reader, Lsn first, Lsn last,
                                          const RecordTarget& target) {
  std::uint64_t copied = 0;
  bool open = false;
  const auto write = [&] {
    open = false;
    return target.write(target.builder.Finish());
  };
  for (Lsn next = first; next <= last; next = Next(next)) {
    DR_ASSIGN_OR_RETURN(const std::optional<RecordView> record, reader.Next());
    if (!record) break;
    DR_ASSERT(record->lsn == next);
    for (bool whole = false; !whole;) {
      if (!open) {
        target.builder.Begin(target.buffer, record->lsn, target.durable_lsn, record->time_ns);
        open = true;
      }
      whole = target.builder.Add(*record);
      if (!whole) DR_RETURN_IF_ERROR(write());
    }
    target.history += HistoryOf(*record, DigestOf(record->payload));
    ++copied;
  }
  if (open) DR_RETURN_IF_ERROR(write());
  DR_ASSERT(!target.builder.in_record());
  return copied;
}

}  // namespace dr::inline v0
