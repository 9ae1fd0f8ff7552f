// The operations of a log, one by one.
//
//   dr::ListLog(*host, {.component = "inventory"}, [](const dr::RecordView& record) {
//     fmt::print("{} {}\n", record.lsn.value, dr::Printable(record.payload));
//   });
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "dr/export.h"
#include "dr/inspect/stored_host.h"
#include "dr/log/segment.h"
#include "dr/types.h"

namespace dr::inline v0 {

/// Which operations of a log are meant.
struct LogSelection {
  Lsn from = {1};                                        ///< the first
  Lsn to = {std::numeric_limits<std::uint64_t>::max()};  ///< the last, included
  std::string component = {};                            ///< empty: all
  std::optional<OperationKind> kind = {};                ///< nullopt: all
};

/// Calls `out` for each operation that is selected, in order and once, on this thread; its views
/// are valid during the call. A log that was trimmed begins where it does. kDataLoss: all before
/// the damage has been handed out, and it lies within the selection. kUnavailable: the log was
/// trimmed while it was read, or changes faster than it can be read. kInvalidArgument: `from` is
/// behind `to`.
DR_EXPORT absl::Status ListLog(const StoredHost& host, const LogSelection& selection,
                               absl::FunctionRef<void(const RecordView&)> out);

/// "operation", "task", …; "unknown" for what a newer version has written.
DR_EXPORT std::string_view NameOf(OperationKind kind);
/// The kind of this name; nullopt for what is none.
DR_EXPORT std::optional<OperationKind> OperationKindOf(std::string_view name);

}  // namespace dr::inline v0
