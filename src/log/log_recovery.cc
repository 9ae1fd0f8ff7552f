#include "src/log/log_recovery.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/log/log_history.h"
#include "src/log/segment_files.h"

namespace dr::inline v0 {
namespace {

absl::Status Gap(std::string_view place, Lsn lsn, std::string_view what) {
  return MakeFault({.kind = FaultKind::kWalGap,
                    .place = std::string(place),
                    .lsn = lsn,
                    .next = "put the missing file back, or restore from a checkpoint and give up "
                            "the rest with `drctl wal salvage`"},
                   what);
}

absl::Status DecideEmpty(const ObservedDirectory& observed, const RecoveryBounds& bounds) {
  if (observed.head) {
    // That it could not be looked at does not say that it is there.
    if (!observed.head->ok() && !absl::IsDataLoss(observed.head->status())) {
      return observed.head->status();
    }
    return Gap(kHeadName, bounds.needed_from, "every segment is missing, though HEAD names one");
  }
  if (bounds.known_durable() > Lsn{}) {
    return Gap(kHeadName, bounds.needed_from,
               fmt::format("the log is empty, but operations up to {} were durable",
                           bounds.known_durable().value));
  }
  return absl::OkStatus();
}

absl::Status DecideHead(const ObservedDirectory& observed) {
  const ObservedSegment& newest = observed.segments.back();
  if (!observed.head) {
    if (observed.segments.size() == 1 && newest.number == 1) return absl::OkStatus();
    return Gap(kHeadName, {}, "HEAD is missing, so the newest segments may be too");
  }
  if (!observed.head->ok()) return observed.head->status();
  const SegmentPrefix& head = **observed.head;
  if (newest.number < head.number) {
    return Gap(SegmentName(head.number), head.first_lsn,
               fmt::format("HEAD names segment {} as the newest, but segment {} is there",
                           head.number, newest.number));
  }
  auto named = std::find_if(observed.segments.begin(), observed.segments.end(),
                            [&](const ObservedSegment& s) { return s.number == head.number; });
  if (named == observed.segments.end()) {
    return Gap(SegmentName(head.number), head.first_lsn, "the segment that HEAD names is missing");
  }
  if (named->segment.ok() &&
      (named->segment->prefix.salt != head.salt || named->segment->prefix.log != head.log)) {
    return Gap(SegmentName(head.number), head.first_lsn, "the segment is not the one HEAD names");
  }
  return absl::OkStatus();
}

absl::Status DecideNames(const ObservedSegment& observed, LogId log) {
  if (!observed.segment.ok()) return observed.segment.status();
  const LogSegment& segment = *observed.segment;
  if (segment.prefix.number != observed.number) {
    return Gap(segment.name, segment.prefix.first_lsn,
               fmt::format("the file is segment {} under the name of segment {}",
                           segment.prefix.number, observed.number));
  }
  if (segment.prefix.log != log) {
    return Gap(segment.name, segment.prefix.first_lsn, "the file belongs to another log");
  }
  return absl::OkStatus();
}

absl::Status DecideLink(const LogSegment& older, const LogSegment& newer) {
  const SegmentEnd& end = newer.prefix.previous;
  if (older.prefix.number + 1 != newer.prefix.number) {
    return Gap(SegmentName(newer.prefix.number - 1), Next(older.prefix.first_lsn),
               fmt::format("segments {} to {} are missing: operations before {} cannot be read",
                           older.prefix.number + 1, newer.prefix.number - 1,
                           newer.prefix.first_lsn.value));
  }
  if (end.number != older.prefix.number || end.salt != older.prefix.salt ||
      Next(end.last_lsn) != newer.prefix.first_lsn || end.offset > older.file_bytes) {
    return Gap(older.name, older.prefix.first_lsn,
               fmt::format("the segment is not the one that {} continues at {}", newer.name,
                           newer.prefix.first_lsn.value));
  }
  return absl::OkStatus();
}

// A record may begin in a segment before that of its Lsn.
bool BeginsBehind(const LogSegment& segment, Lsn lsn) {
  return segment.prefix.first_lsn > lsn || (segment.continues && segment.prefix.first_lsn == lsn);
}

}  // namespace

absl::StatusOr<std::vector<LogSegment>> DecideSegments(const ObservedDirectory& observed,
                                                       const RecoveryBounds& bounds) {
  std::vector<LogSegment> segments;
  if (observed.segments.empty()) {
    DR_RETURN_IF_ERROR(DecideEmpty(observed, bounds));
    return segments;
  }
  DR_RETURN_IF_ERROR(DecideHead(observed));
  // From the newest down to what is needed; what is older waits for the next trim.
  for (auto it = observed.segments.rbegin(); it != observed.segments.rend(); ++it) {
    const LogId log = segments.empty() ? (it->segment.ok() ? it->segment->prefix.log : LogId{})
                                       : segments.back().prefix.log;
    DR_RETURN_IF_ERROR(DecideNames(*it, log));
    LogSegment segment = *it->segment;
    if (!segments.empty()) {
      DR_RETURN_IF_ERROR(DecideLink(segment, segments.back()));
      segment.end = segments.back().prefix.previous;
      // A batch may span segments; a later cut before it reaches back over all of them.
      if (segments.size() > 1) {
        segment.end.last_lsn = std::min(segment.end.last_lsn, segments.back().end.last_lsn);
      }
    }
    segments.push_back(std::move(segment));
    if (!BeginsBehind(segments.back(), bounds.needed_from)) break;
  }
  std::reverse(segments.begin(), segments.end());
  const LogSegment& oldest = segments.front();
  if (BeginsBehind(oldest, bounds.needed_from)) {
    return Gap(oldest.name, bounds.needed_from,
               fmt::format("the log begins {} {}, but operations from {} on are needed",
                           oldest.continues ? "inside" : "at", oldest.prefix.first_lsn.value,
                           bounds.needed_from.value));
  }
  return segments;
}

Lsn RecoveryBounds::known_durable() const {
  Lsn highest;
  for (const DurableEvidence& evidence : known) highest = std::max(highest, evidence.durable.lsn);
  return highest;
}

RecoveryBounds WithMark(RecoveryBounds bounds, const ObservedDirectory& observed) {
  if (!observed.mark) return bounds;
  const bool other_log = !observed.segments.empty() && observed.segments.back().segment.ok() &&
                         observed.segments.back().segment->prefix.log != observed.mark->log;
  if (!other_log) {
    bounds.known.push_back({std::string(kDurableMarkName), observed.mark->log,
                            observed.mark->durable, observed.mark->history});
  }
  return bounds;
}

absl::Status DecideTail(const ObservedTail& tail, const RecoveryBounds& bounds) {
  const Lsn proven = std::max(tail.evidence, bounds.known_durable());
  if (tail.last >= proven) return absl::OkStatus();
  return CorruptLog(
      tail.segment, tail.stop_offset, tail.stop_lsn,
      fmt::format("operations up to {} were durable, but {}", proven.value, tail.reason));
}

// In the order of the writer's steps backwards: the mark is of what was durable before, HEAD of a
// segment that had its name before. So what is read later reaches at least as far.
absl::StatusOr<ObservedDirectory> ObserveDirectory(Directory& directory) {
  ObservedDirectory observed;
  DR_ASSIGN_OR_RETURN(observed.mark, ReadDurableMark(directory));
  std::unique_ptr<File> file;
  if (absl::StatusOr<LogSegment> head = OpenLogSegment(directory, kHeadName, file); head.ok()) {
    observed.head = head->prefix;
  } else if (!absl::IsNotFound(head.status())) {
    observed.head = head.status();
  }
  DR_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries, directory.List());
  for (const DirectoryEntry& entry : entries) {
    const std::optional<std::uint64_t> number = ParseSegmentName(entry.name);
    if (!number) continue;
    ObservedSegment found{*number, OpenLogSegment(directory, entry.name, file)};
    // Trimmed, and perhaps in use again, while it was opened. Numbers never come again.
    if (!found.segment.ok() && absl::IsNotFound(directory.Info(entry.name).status())) continue;
    observed.segments.push_back(std::move(found));
  }
  std::sort(observed.segments.begin(), observed.segments.end(),
            [](const auto& a, const auto& b) { return a.number < b.number; });
  return observed;
}

absl::StatusOr<std::unique_ptr<LogReader>> OpenRecovered(Directory& directory,
                                                         const std::vector<LogSegment>& segments,
                                                         std::uint64_t newest_limit, Lsn from) {
  static constexpr Lsn kAll = {std::numeric_limits<std::uint64_t>::max()};
  const std::uint64_t newest = segments.back().prefix.number;
  auto locate = [segments, newest,
                 newest_limit](std::uint64_t number) -> absl::StatusOr<SegmentExtent> {
    for (const LogSegment& segment : segments) {
      if (segment.prefix.number != number) continue;
      if (number == newest) return SegmentExtent{segment, newest_limit, kAll, kAll, true};
      return SegmentExtent{segment, segment.end.offset, segment.end.last_lsn, kAll, false};
    }
    return Gap(SegmentName(number), {}, "the segment in which a record begins is missing");
  };
  return LogReader::Open(
      directory, {.segment_with = [newest](Lsn) { return newest; }, .locate = std::move(locate)},
      from);
}

namespace {

/// The groups of the newest segment up to the first that is not valid.
struct GroupChain {
  struct End {
    std::uint64_t offset, hash;
    Lsn last_lsn;
  };
  std::vector<End> ends;  ///< ends[0] is the prefix's
  Lsn evidence = {};
  std::int64_t last_time_ns = 0;
  std::string reason;
  GroupReader::Evidence behind;
};

/// So that a reader goes through the log once.
std::vector<DurableEvidence> InOrder(std::vector<DurableEvidence> known) {
  std::sort(known.begin(), known.end(),
            [](const auto& a, const auto& b) { return a.durable.lsn < b.durable.lsn; });
  return known;
}

absl::StatusOr<std::int64_t> LastTime(const Group& group) {
  RecordReader records;
  if ((group.header.flags & kGroupContinues) != 0) records.SkipOpenRecord();
  DR_RETURN_IF_ERROR(records.Begin(group.bytes, group.header));
  std::int64_t time_ns = group.header.base_time_ns;
  for (;;) {
    DR_ASSIGN_OR_RETURN(std::optional<RecordView> record, records.Next());
    if (!record) return time_ns;
    time_ns = std::max(time_ns, record->time_ns);
  }
}

absl::StatusOr<GroupChain> ReadChain(File& file, const LogSegment& segment) {
  GroupReader groups(file, segment);
  GroupChain chain;
  chain.ends = {{groups.offset(), groups.hash(), {segment.prefix.first_lsn.value - 1}}};
  chain.evidence = segment.prefix.durable_lsn;
  chain.last_time_ns = absl::ToUnixNanos(segment.prefix.created);
  for (;;) {
    DR_ASSIGN_OR_RETURN(std::optional<Group> group, groups.Next(segment.file_bytes));
    if (!group) break;
    chain.evidence = std::max(chain.evidence, group->header.durable_lsn);
    absl::StatusOr<std::int64_t> time_ns = LastTime(*group);
    if (!time_ns.ok()) {
      return CorruptLog(segment.name, group->offset, group->header.first_lsn,
                        AsStd(time_ns.status().message()));
    }
    // What an opening has copied from before may be later than where it let times go on.
    const bool copied = groups.next_lsn().value - 1 <= segment.prefix.durable_lsn.value;
    if (!copied) chain.last_time_ns = std::max(chain.last_time_ns, *time_ns);
    chain.ends.push_back({groups.offset(), groups.hash(), {groups.next_lsn().value - 1}});
  }
  chain.reason = groups.reason();
  DR_ASSIGN_OR_RETURN(chain.behind, groups.ScanBehind());
  chain.evidence = std::max(chain.evidence, chain.behind.durable_lsn);
  return chain;
}

}  // namespace

absl::StatusOr<RecoveredTail> ReadTail(Directory& directory,
                                       const std::vector<LogSegment>& segments,
                                       const RecoveryBounds& bounds) {
  const LogSegment& newest = segments.back();
  std::unique_ptr<File> file;
  DR_RETURN_IF_ERROR(OpenLogSegment(directory, newest.name, file).status());
  DR_ASSIGN_OR_RETURN(GroupChain chain, ReadChain(*file, newest));
  const GroupChain::End& stop = chain.ends.back();
  RecoveredTail tail{.observed = {.segment = std::string(newest.name),
                                  .last = {},
                                  .evidence = chain.evidence,
                                  .stop_offset = stop.offset,
                                  .stop_lsn = Next(stop.last_lsn),
                                  .reason = chain.reason},
                     .last_time_ns = chain.last_time_ns,
                     .groups_behind = chain.behind.headers,
                     .written_end = chain.behind.written_end};
  const Lsn proven = std::max(chain.evidence, bounds.known_durable());
  tail.observed.last = std::min(proven, stop.last_lsn);
  if (proven < stop.last_lsn) {
    DR_ASSIGN_OR_RETURN(std::unique_ptr<LogReader> reader,
                        OpenRecovered(directory, segments, stop.offset, Next(proven)));
    for (;;) {
      DR_ASSIGN_OR_RETURN(std::optional<RecordView> record, reader->Next());
      if (!record) break;
      if (!record->batch_continues) tail.observed.last = record->lsn;
    }
  }
  DR_RETURN_IF_ERROR(DecideTail(tail.observed, bounds));
  HistoryReader history(directory, segments, stop.offset);
  for (const DurableEvidence& evidence : InOrder(bounds.known)) {
    DR_RETURN_IF_ERROR(CheckHistory(history, evidence, segments));
  }
  auto end = std::find_if(chain.ends.begin(), chain.ends.end(),
                          [&](const GroupChain::End& e) { return e.last_lsn >= proven; });
  tail.cut = {newest.prefix.number, newest.prefix.salt, end->offset, end->hash, proven,
              newest.prefix.epoch};
  DR_ASSIGN_OR_RETURN(const std::optional<Digest> at_cut, history.At(proven));
  if (!at_cut) {
    return CorruptLog(newest.name, 0, newest.prefix.first_lsn,
                      "the segment does not say what the log holds before it");
  }
  tail.history = *at_cut;
  return tail;
}

}  // namespace dr::inline v0
