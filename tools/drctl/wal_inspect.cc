// wal inspect: every segment and group as it is on the disk, without a judgement of the whole.
#include "dr/inspect/log_files.h"
#include "dr/printable.h"
#include "dr/status.h"
#include "tools/drctl/output.h"
#include "tools/drctl/verbs.h"

namespace drctl {
namespace {

std::string FlagText(std::uint32_t flags) {
  std::string text;
  if ((flags & dr::kGroupContinues) != 0) text += "continues ";
  if ((flags & dr::kGroupFooter) != 0) text += "footer ";
  if (!text.empty()) text.pop_back();
  return text;
}

// A group without a whole record ends none: last is then below first.
std::uint64_t LastLsn(const dr::GroupHeader& header) {
  return header.first_lsn.value + header.record_count - 1;
}

JsonObject JsonGroup(const dr::GroupInFile& group) {
  const dr::GroupHeader& header = group.header;
  return JsonObject()
      .Add("offset", group.offset)
      .Add("bytes", header.stored_bytes)
      .Add("first_lsn", header.first_lsn.value)
      .Add("last_lsn", LastLsn(header))
      .Add("records", header.record_count)
      .Add("durable_lsn", header.durable_lsn.value)
      .Add("flags", FlagText(header.flags));
}

void PrintGroup(const dr::GroupInFile& group) {
  const dr::GroupHeader& header = group.header;
  fmt::print("  {:>12}  {:>8} bytes  lsn {}..{}  durable {}  {}\n", group.offset,
             header.stored_bytes, header.first_lsn.value, LastLsn(header), header.durable_lsn.value,
             FlagText(header.flags));
}

JsonObject JsonPrefix(const dr::SegmentFileInfo& segment) {
  const dr::SegmentPrefix& prefix = *segment.prefix;
  JsonObject json;
  json.Add("segment", segment.name)
      .Add("bytes", segment.bytes)
      .Add("number", prefix.number)
      .Add("format_version", prefix.format_version)
      .Add("log", LogIdText(prefix.log))
      .Add("salt", fmt::format("{:016x}", prefix.salt))
      .Add("epoch", prefix.epoch.value)
      .Add("first_lsn", prefix.first_lsn.value)
      .Add("durable_lsn", prefix.durable_lsn.value)
      .Add("created", TimeText(prefix.created));
  if (prefix.previous.number != 0) {
    json.Add("previous", JsonObject()
                             .Add("number", prefix.previous.number)
                             .Add("end_offset", prefix.previous.offset)
                             .Add("last_lsn", prefix.previous.last_lsn.value));
  }
  return json;
}

void PrintPrefix(const dr::SegmentFileInfo& segment) {
  const dr::SegmentPrefix& prefix = *segment.prefix;
  fmt::print("{}  {} bytes, epoch {}, first lsn {}, durable {}, created {}\n", segment.name,
             segment.bytes, prefix.epoch.value, prefix.first_lsn.value, prefix.durable_lsn.value,
             TimeText(prefix.created));
  if (prefix.previous.number != 0) {
    fmt::print("  continues segment {} behind offset {}, lsn {}\n", prefix.previous.number,
               prefix.previous.offset, prefix.previous.last_lsn.value);
  }
}

void Print(const dr::SegmentFileInfo& segment) {
  if (!segment.prefix.ok()) {
    const std::string_view why = dr::AsStd(segment.prefix.status().message());
    return fmt::print("{}\n", Bad(dr::Printable(why)));
  }
  PrintPrefix(segment);
  for (const dr::GroupInFile& group : segment.groups) PrintGroup(group);
  fmt::print("  stops at {}, before lsn {}: {}; {} group headers behind\n", segment.stop.offset,
             segment.stop.next_lsn.value, segment.stop.reason, segment.stop.headers_behind);
}

JsonObject Json(const dr::SegmentFileInfo& segment) {
  if (!segment.prefix.ok()) {
    return JsonObject()
        .Add("number", segment.number)
        .Add("error", dr::AsStd(segment.prefix.status().message()));
  }
  JsonArray groups;
  for (const dr::GroupInFile& group : segment.groups) groups.Add(JsonGroup(group));
  return JsonPrefix(segment)
      .Add("groups", groups)
      .Add("stop", JsonObject()
                       .Add("offset", segment.stop.offset)
                       .Add("next_lsn", segment.stop.next_lsn.value)
                       .Add("reason", segment.stop.reason)
                       .Add("headers_behind", segment.stop.headers_behind)
                       .Add("durable_lsn_behind", segment.stop.durable_lsn_behind.value));
}

}  // namespace

absl::Status WalInspect(const dr::StoredHost& host, Format format) {
  const absl::StatusOr<dr::LogFiles> files = dr::InspectLog(host);
  if (!files.ok()) return files.status();
  if (format == Format::kJson) {
    JsonArray segments;
    for (const dr::SegmentFileInfo& segment : files->segments) segments.Add(Json(segment));
    fmt::print("{}\n", JsonObject().Add("head", files->head).Add("segments", segments).text());
  } else {
    for (const dr::SegmentFileInfo& segment : files->segments) Print(segment);
    fmt::print("HEAD names segment {}\n", files->head);
  }
  return files->damage;
}

}  // namespace drctl
