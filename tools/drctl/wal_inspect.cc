// wal inspect: every segment and group as it is on the disk, without a judgement of the whole.
#include <optional>
#include <vector>

#include "dr/status.h"
#include "src/base/printable.h"
#include "src/base/status_macros.h"
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

JsonObject JsonGroup(const dr::Group& group) {
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

void PrintGroup(const dr::Group& group) {
  const dr::GroupHeader& header = group.header;
  fmt::print("  {:>12}  {:>8} bytes  lsn {}..{}  durable {}  {}\n", group.offset,
             header.stored_bytes, header.first_lsn.value, LastLsn(header), header.durable_lsn.value,
             FlagText(header.flags));
}

JsonObject JsonPrefix(const dr::LogSegment& segment) {
  const dr::SegmentPrefix& prefix = segment.prefix;
  JsonObject json;
  json.Add("segment", segment.name)
      .Add("bytes", segment.file_bytes)
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

void PrintPrefix(const dr::LogSegment& segment) {
  const dr::SegmentPrefix& prefix = segment.prefix;
  fmt::print("{}  {} bytes, epoch {}, first lsn {}, durable {}, created {}\n", segment.name,
             segment.file_bytes, prefix.epoch.value, prefix.first_lsn.value,
             prefix.durable_lsn.value, TimeText(prefix.created));
  if (prefix.previous.number != 0) {
    fmt::print("  continues segment {} behind offset {}, lsn {}\n", prefix.previous.number,
               prefix.previous.offset, prefix.previous.last_lsn.value);
  }
}

absl::StatusOr<JsonObject> InspectGroups(dr::Directory& wal, const dr::LogSegment& segment,
                                         bool json) {
  std::unique_ptr<dr::File> file;
  DR_RETURN_IF_ERROR(dr::OpenLogSegment(wal, segment.name, file).status());
  dr::GroupReader groups(*file, segment);
  JsonObject result = JsonPrefix(segment);
  JsonArray listed;
  for (;;) {
    DR_ASSIGN_OR_RETURN(std::optional<dr::Group> group, groups.Next(segment.file_bytes));
    if (!group) break;
    if (json) {
      listed.Add(JsonGroup(*group));
    } else {
      PrintGroup(*group);
    }
  }
  const std::string reason(groups.reason());
  DR_ASSIGN_OR_RETURN(dr::GroupReader::Evidence behind, groups.ScanBehind());
  if (!json) {
    fmt::print("  stops at {}, before lsn {}: {}; {} group headers behind\n", groups.offset(),
               groups.next_lsn().value, reason, behind.headers);
  }
  return result.Add("groups", listed)
      .Add("stop", JsonObject()
                       .Add("offset", groups.offset())
                       .Add("next_lsn", groups.next_lsn().value)
                       .Add("reason", reason)
                       .Add("headers_behind", behind.headers)
                       .Add("durable_lsn_behind", behind.durable_lsn.value));
}

}  // namespace

absl::Status WalInspect(Machine& machine, const Arguments& arguments) {
  DR_ASSIGN_OR_RETURN(Source source, OpenSource(machine, arguments.directory));
  DR_ASSIGN_OR_RETURN(dr::ObservedDirectory observed, dr::ObserveDirectory(*source.wal));
  absl::Status damage = absl::OkStatus();
  JsonArray segments;
  for (const dr::ObservedSegment& found : observed.segments) {
    if (!found.segment.ok()) {
      damage.Update(found.segment.status());
      const std::string_view why = dr::AsStd(found.segment.status().message());
      segments.Add(JsonObject().Add("number", found.number).Add("error", why));
      if (!arguments.json) fmt::print("{}\n", Bad(dr::Printable(why)));
      continue;
    }
    if (!arguments.json) PrintPrefix(*found.segment);
    DR_ASSIGN_OR_RETURN(JsonObject inspected,
                        InspectGroups(*source.wal, *found.segment, arguments.json));
    segments.Add(inspected);
  }
  if (observed.head && !observed.head->ok()) damage.Update(observed.head->status());
  const std::uint64_t head = observed.head && observed.head->ok() ? (*observed.head)->number : 0;
  if (arguments.json) {
    fmt::print("{}\n", JsonObject().Add("head", head).Add("segments", segments).text());
  } else {
    fmt::print("HEAD names segment {}\n", head);
  }
  return damage;
}

}  // namespace drctl
