// wal inspect: every segment and group as it is on the disk, without a judgement of the whole.
#include <optional>
#include <vector>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "src/base/printable.h"
#include "src/log/segment_files.h"
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

/// A segment, or why it cannot be read.
struct Inspected {
  dr::ObservedSegment found;
  std::vector<dr::Group> groups = {};  ///< without their bytes
  std::uint64_t stop_offset = 0;
  dr::Lsn next_lsn = {};
  std::string reason = {};
  dr::GroupReader::Evidence behind = {};
};

struct Inspection {
  std::uint64_t head = 0;
  std::vector<Inspected> segments = {};
  absl::Status damage = absl::OkStatus();  ///< the first
};

absl::Status ReadGroups(dr::Directory& wal, Inspected& inspected) {
  const dr::LogSegment& segment = *inspected.found.segment;
  std::unique_ptr<dr::File> file;
  DR_RETURN_IF_ERROR(dr::OpenLogSegment(wal, segment.name, file).status());
  dr::GroupReader groups(*file, segment);
  for (;;) {
    DR_ASSIGN_OR_RETURN(std::optional<dr::Group> group, groups.Next(segment.file_bytes));
    if (!group) break;
    inspected.groups.push_back({group->header, {}, group->offset});
  }
  inspected.stop_offset = groups.offset();
  inspected.next_lsn = groups.next_lsn();
  inspected.reason = groups.reason();
  DR_ASSIGN_OR_RETURN(inspected.behind, groups.ScanBehind());
  return absl::OkStatus();
}

absl::StatusOr<Inspection> Inspect(dr::Directory& wal) {
  DR_ASSIGN_OR_RETURN(dr::ObservedDirectory observed, dr::ObserveDirectory(wal));
  Inspection inspection;
  for (dr::ObservedSegment& found : observed.segments) {
    Inspected inspected{.found = std::move(found)};
    const absl::Status read = inspected.found.segment.ok() ? ReadGroups(wal, inspected)
                                                           : inspected.found.segment.status();
    // A file that was trimmed meanwhile may hold another segment by now.
    if (absl::IsNotFound(wal.Info(dr::SegmentName(inspected.found.number)).status())) continue;
    if (!read.ok() && inspected.found.segment.ok()) return read;
    inspection.damage.Update(read);
    inspection.segments.push_back(std::move(inspected));
  }
  if (observed.head && observed.head->ok()) inspection.head = (*observed.head)->number;
  if (observed.head) inspection.damage.Update(observed.head->status());
  return inspection;
}

void Print(const Inspected& inspected) {
  if (!inspected.found.segment.ok()) {
    const std::string_view why = dr::AsStd(inspected.found.segment.status().message());
    return fmt::print("{}\n", Bad(dr::Printable(why)));
  }
  PrintPrefix(*inspected.found.segment);
  for (const dr::Group& group : inspected.groups) PrintGroup(group);
  fmt::print("  stops at {}, before lsn {}: {}; {} group headers behind\n", inspected.stop_offset,
             inspected.next_lsn.value, inspected.reason, inspected.behind.headers);
}

JsonObject Json(const Inspected& inspected) {
  if (!inspected.found.segment.ok()) {
    return JsonObject()
        .Add("number", inspected.found.number)
        .Add("error", dr::AsStd(inspected.found.segment.status().message()));
  }
  JsonArray groups;
  for (const dr::Group& group : inspected.groups) groups.Add(JsonGroup(group));
  return JsonPrefix(*inspected.found.segment)
      .Add("groups", groups)
      .Add("stop", JsonObject()
                       .Add("offset", inspected.stop_offset)
                       .Add("next_lsn", inspected.next_lsn.value)
                       .Add("reason", inspected.reason)
                       .Add("headers_behind", inspected.behind.headers)
                       .Add("durable_lsn_behind", inspected.behind.durable_lsn.value));
}

}  // namespace

absl::Status WalInspect(Machine& machine, const Arguments& arguments) {
  DR_ASSIGN_OR_RETURN(Source source, OpenSource(machine, arguments.directory));
  DR_ASSIGN_OR_RETURN(
      const Inspection inspection,
      Settled([&] { return Inspect(*source.wal); },
              [](const auto& result) { return result.ok() ? result->damage : result.status(); }));
  JsonArray segments;
  for (const Inspected& inspected : inspection.segments) {
    if (arguments.json) {
      segments.Add(Json(inspected));
    } else {
      Print(inspected);
    }
  }
  if (arguments.json) {
    fmt::print("{}\n", JsonObject().Add("head", inspection.head).Add("segments", segments).text());
  } else {
    fmt::print("HEAD names segment {}\n", inspection.head);
  }
  return inspection.damage;
}

}  // namespace drctl
