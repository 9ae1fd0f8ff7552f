// log show: the operations themselves.
#include <algorithm>
#include <array>
#include <optional>

#include "absl/strings/escaping.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "src/base/printable.h"
#include "tools/drctl/verbs.h"

namespace drctl {
namespace {

constexpr std::size_t kPreviewBytes = 80;
constexpr std::array<std::string_view, 6> kKinds = {"operation", "task",        "transition",
                                                    "yield",     "call_result", "marker"};

std::string_view KindName(dr::OperationKind kind) {
  const auto index = static_cast<std::size_t>(kind);
  return index < kKinds.size() ? kKinds[index] : "unknown";
}

bool Wanted(const dr::RecordView& record, const LogArguments& log) {
  return (log.component.empty() || record.component == log.component) &&
         (log.kind.empty() || KindName(record.kind) == log.kind);
}

void Print(const dr::RecordView& record, const LogArguments& log, bool json) {
  const std::string time = TimeText(absl::FromUnixNanos(record.time_ns));
  const std::string_view schema =
      record.schema_name.empty() ? record.component : record.schema_name;
  const std::string_view payload =
      log.full ? record.payload : record.payload.substr(0, kPreviewBytes);
  const bool cut = payload.size() < record.payload.size();
  if (!json) {
    fmt::print("{:>8}  {}  {:<10} {}  {}@{}  {}  {}{}{}\n", record.lsn.value, time,
               KindName(record.kind), dr::Printable(record.component), dr::Printable(schema),
               record.schema_version, record.subject.empty() ? "-" : dr::Printable(record.subject),
               dr::Printable(payload),
               cut ? fmt::format(" … ({} bytes)", record.payload.size()) : "",
               record.batch_continues ? "  +" : "");
    return;
  }
  JsonObject line;
  line.Add("lsn", record.lsn.value)
      .Add("time", time)
      .Add("kind", KindName(record.kind))
      .Add("component", record.component)
      .Add("schema", schema)
      .Add("schema_version", record.schema_version)
      .Add("subject", record.subject)
      .Add("batch_continues", record.batch_continues)
      .Add("payload_bytes", record.payload.size())
      .Add("payload", payload);
  if (log.full) line.Add("payload_base64", absl::Base64Escape(dr::AsAbsl(record.payload)));
  fmt::print("{}\n", line.text());
}

// The earliest place from which the log can be read. None: nothing was ever written.
absl::StatusOr<Readable> Earliest(const Source& source) {
  DR_ASSIGN_OR_RETURN(std::vector<dr::Lsn> starts, PossibleStarts(source));
  absl::Status refused = absl::OkStatus();
  for (dr::Lsn start : starts) {
    absl::StatusOr<Readable> readable = FindReadable(*source.wal, start);
    if (!absl::IsDataLoss(readable.status())) return readable;
    refused.Update(readable.status());
  }
  return refused;
}

/// Prints from `next` on what can be read, or from where the log begins if nothing has been printed
/// yet, and moves `next` behind it.
absl::Status ShowReadable(const Source& source, const LogArguments& log, bool json, dr::Lsn& next) {
  DR_ASSIGN_OR_RETURN(Readable readable, Earliest(source));
  if (readable.from > next) {
    if (next.value != log.from) {
      return dr::MakeFault({.kind = dr::FaultKind::kBusy, .next = "run it again"},
                           "the log was trimmed while it was read");
    }
    next = readable.from;
  }
  const dr::Lsn to = std::min(readable.last, dr::Lsn{log.to});
  if (next > to) return absl::OkStatus();
  DR_ASSIGN_OR_RETURN(auto reader,
                      dr::OpenRecovered(*source.wal, readable.segments, readable.limit, next));
  // One read too many would meet what is behind the last operation.
  while (next <= to) {
    DR_ASSIGN_OR_RETURN(std::optional<dr::RecordView> record, reader->Next());
    if (!record) return absl::OkStatus();
    if (Wanted(*record, log)) Print(*record, log, json);
    next = dr::Next(next);
  }
  return absl::OkStatus();
}

absl::Status Check(const LogArguments& log) {
  if (!log.kind.empty() && std::find(kKinds.begin(), kKinds.end(), log.kind) == kKinds.end()) {
    return dr::MakeFault({.kind = dr::FaultKind::kInvalid,
                          .place = log.kind,
                          .next = "use operation, task, transition, yield, call_result or marker"},
                         "there is no such kind of operation");
  }
  if (log.from <= log.to) return absl::OkStatus();
  return dr::MakeFault({.kind = dr::FaultKind::kInvalid,
                        .place = "--to",
                        .next = "name a range that begins before it ends"},
                       fmt::format("{} comes before {}", log.to, log.from));
}

}  // namespace

absl::Status LogShow(Machine& machine, const Arguments& arguments, const LogArguments& log) {
  DR_RETURN_IF_ERROR(Check(log));
  DR_ASSIGN_OR_RETURN(Source source, OpenSource(machine, arguments.directory));
  std::optional<dr::Lsn> goal;  // what was there when it was first looked at as a whole
  dr::Lsn next = {log.from};
  for (int attempt = 0; attempt <= kAttemptsMax; ++attempt) {
    const absl::Status shown =
        Settled([&] { return ShowReadable(source, log, arguments.json, next); },
                [](const absl::Status& status) { return status; });
    if (!shown.ok() && !absl::IsDataLoss(shown)) return shown;
    if (next.value > log.to) return absl::OkStatus();
    // A log that ends early must not look like one that ends; a host at work is no damage.
    DR_ASSIGN_OR_RETURN(const Verified verified, Verify(source));
    if (!goal) goal = std::min(verified.last, dr::Lsn{log.to});
    if (next > *goal) return absl::OkStatus();
  }
  return ChangesTooFast();
}

}  // namespace drctl
