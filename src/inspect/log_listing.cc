#include "dr/inspect/log_listing.h"

#include <algorithm>
#include <array>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/base/out_of_memory.h"
#include "src/inspect/readable_log.h"
#include "src/inspect/settled.h"
#include "src/inspect/stored_host_parts.h"

namespace dr::inline v0 {
namespace {

constexpr std::array<std::string_view, 6> kKinds = {"operation", "task",        "transition",
                                                    "yield",     "call_result", "marker"};

/// One listing, however often it has to begin to read again.
class Listing {
 public:
  Listing(const StoredHost::Parts& host, const LogSelection& selection,
          absl::FunctionRef<void(const RecordView&)> out)
      : host_(host), selection_(selection), out_(out), next_(selection.from) {}

  absl::Status Run() {
    std::optional<Lsn> goal;  // what was there when it was first looked at as a whole
    for (int attempt = 0; attempt <= kReadAttemptsMax; ++attempt) {
      const absl::Status listed = Settled([&] { return ListReadable(); },
                                          [](const absl::Status& status) { return status; });
      if (!listed.ok() && !absl::IsDataLoss(listed)) return listed;
      if (next_ > selection_.to) return absl::OkStatus();
      // A log that ends early must not look like one that ends; a host at work is no damage.
      DR_ASSIGN_OR_RETURN(const WholeLog whole, ReadWholeLog(host_));
      if (!goal) goal = std::min(whole.last, selection_.to);
      if (next_ > *goal) return absl::OkStatus();
    }
    return ChangesTooFast();
  }

 private:
  bool IsSelected(const RecordView& record) const {
    return (selection_.component.empty() || record.component == selection_.component) &&
           (!selection_.kind || record.kind == *selection_.kind);
  }

  /// From `next_` on what can be read, or from where the log begins if nothing has been listed yet.
  absl::Status ListReadable() {
    DR_ASSIGN_OR_RETURN(const ReadableLog readable, FindEarliest(host_));
    if (readable.from > next_) {
      if (next_ != selection_.from) {
        return MakeFault({.kind = FaultKind::kBusy, .next = "run it again"},
                         "the log was trimmed while it was read");
      }
      next_ = readable.from;
    }
    const Lsn to = std::min(readable.last, selection_.to);
    if (next_ > to) return absl::OkStatus();
    DR_ASSIGN_OR_RETURN(const auto reader,
                        OpenRecovered(*host_.wal, readable.segments, readable.limit, next_));
    // One read too many would meet what is behind the last operation.
    while (next_ <= to) {
      DR_ASSIGN_OR_RETURN(const std::optional<RecordView> record, reader->Next());
      if (!record) return absl::OkStatus();
      if (IsSelected(*record)) out_(*record);
      next_ = Next(next_);
    }
    return absl::OkStatus();
  }

  const StoredHost::Parts& host_;
  const LogSelection& selection_;
  const absl::FunctionRef<void(const RecordView&)> out_;
  Lsn next_;  ///< the first that has not been looked at
};

}  // namespace

std::string_view NameOf(OperationKind kind) {
  const auto index = static_cast<std::size_t>(kind);
  return index < kKinds.size() ? kKinds[index] : "unknown";
}

std::optional<OperationKind> OperationKindOf(std::string_view name) {
  const auto found = std::find(kKinds.begin(), kKinds.end(), name);
  if (found == kKinds.end()) return std::nullopt;
  return static_cast<OperationKind>(found - kKinds.begin());
}

absl::Status ListLog(const StoredHost& host, const LogSelection& selection,
                     absl::FunctionRef<void(const RecordView&)> out) {
  if (selection.from > selection.to) {
    return MakeFault(
        {.kind = FaultKind::kInvalid, .next = "name a range that begins before it ends"},
        fmt::format("{} comes before {}", selection.to.value, selection.from.value));
  }
  return WithinMemory([&] { return Listing(host.parts(), selection, out).Run(); });
}

}  // namespace dr::inline v0
