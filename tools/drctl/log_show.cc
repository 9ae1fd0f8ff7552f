// log show: the operations themselves.
#include "absl/strings/escaping.h"
#include "dr/printable.h"
#include "dr/status.h"
#include "tools/drctl/output.h"
#include "tools/drctl/verbs.h"

namespace drctl {
namespace {

constexpr std::size_t kPreviewBytes = 80;

void Print(const dr::RecordView& record, bool full, Format format) {
  const std::string time = TimeText(absl::FromUnixNanos(record.time_ns));
  const std::string_view schema =
      record.schema_name.empty() ? record.component : record.schema_name;
  const std::string_view payload = full ? record.payload : record.payload.substr(0, kPreviewBytes);
  const bool cut = payload.size() < record.payload.size();
  if (format == Format::kText) {
    fmt::print("{:>8}  {}  {:<10} {}  {}@{}  {}  {}{}{}\n", record.lsn.value, time,
               dr::NameOf(record.kind), dr::Printable(record.component), dr::Printable(schema),
               record.schema_version, record.subject.empty() ? "-" : dr::Printable(record.subject),
               dr::Printable(payload),
               cut ? fmt::format(" … ({} bytes)", record.payload.size()) : "",
               record.batch_continues ? "  +" : "");
    return;
  }
  JsonObject line;
  line.Add("lsn", record.lsn.value)
      .Add("time", time)
      .Add("kind", dr::NameOf(record.kind))
      .Add("component", record.component)
      .Add("schema", schema)
      .Add("schema_version", record.schema_version)
      .Add("subject", record.subject)
      .Add("batch_continues", record.batch_continues)
      .Add("payload_bytes", record.payload.size())
      .Add("payload", payload);
  if (full) line.Add("payload_base64", absl::Base64Escape(dr::AsAbsl(record.payload)));
  fmt::print("{}\n", line.text());
}

}  // namespace

absl::Status LogShow(const dr::StoredHost& host, Format format, const LogArguments& arguments) {
  return dr::ListLog(host, arguments.selection,
                     [&](const dr::RecordView& record) { Print(record, arguments.full, format); });
}

}  // namespace drctl
