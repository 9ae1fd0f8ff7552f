#include "src/log/log_history.h"

#include <algorithm>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/format/history.h"
#include "src/log/log_recovery.h"

namespace dr::inline v0 {
namespace {

// Each opening takes an epoch that no other ever has, and has a segment here unless it was trimmed.
bool IsOpeningOf(const std::vector<LogSegment>& segments, Epoch epoch) {
  return epoch == Epoch{} || epoch < segments.front().prefix.epoch ||
         std::any_of(segments.begin(), segments.end(),
                     [epoch](const LogSegment& s) { return s.prefix.epoch == epoch; });
}

}  // namespace

HistoryReader::HistoryReader(Directory& directory, std::vector<LogSegment> segments,
                             std::uint64_t newest_limit)
    : directory_(directory), segments_(std::move(segments)), newest_limit_(newest_limit) {}

// The last, since a segment behind a cut may begin before its predecessor does.
const SegmentPrefix* HistoryReader::CountedFrom(Lsn lsn) const {
  for (auto segment = segments_.rbegin(); segment != segments_.rend(); ++segment) {
    const SegmentPrefix& prefix = segment->prefix;
    if (prefix.history_lsn <= lsn && Next(prefix.history_lsn) >= prefix.first_lsn) return &prefix;
  }
  return nullptr;
}

absl::StatusOr<std::optional<Digest>> HistoryReader::At(Lsn lsn) {
  const SegmentPrefix* const prefix = CountedFrom(lsn);
  if (prefix == nullptr) return std::nullopt;
  if (lsn == prefix->history_lsn) return prefix->history;
  if (reader_ == nullptr || at_ < prefix->history_lsn || at_ > lsn) {
    at_ = prefix->history_lsn;
    history_ = prefix->history;
    DR_ASSIGN_OR_RETURN(reader_, OpenRecovered(directory_, segments_, newest_limit_, Next(at_)));
  }
  while (at_ < lsn) {
    DR_ASSIGN_OR_RETURN(const std::optional<RecordView> record, reader_->Next());
    if (!record) return std::nullopt;
    history_ += HistoryOf(*record, DigestOf(record->payload));
    at_ = record->lsn;
  }
  return history_;
}

absl::Status CheckHistory(HistoryReader& reader, const DurableEvidence& evidence,
                          const std::vector<LogSegment>& segments) {
  const Position durable = evidence.durable;
  const auto mixed = [&](std::string_view what) {
    return MakeFault(
        {.kind = FaultKind::kWalGap,
         .place = evidence.place,
         .lsn = durable.lsn,
         .next = "put back all files of one copy of the directory"},
        fmt::format("it is not of the same log as {}: {}", segments.back().name, what));
  };
  if (evidence.log != LogId{} && evidence.log != segments.back().prefix.log) {
    return mixed("it belongs to another one");
  }
  if (!IsOpeningOf(segments, durable.epoch)) {
    return mixed(fmt::format("the log was never opened with epoch {}", durable.epoch.value));
  }
  if (evidence.history == Digest{}) return absl::OkStatus();
  DR_ASSIGN_OR_RETURN(const std::optional<Digest> history, reader.At(durable.lsn));
  if (!history || *history == evidence.history) return absl::OkStatus();
  return mixed(fmt::format("what was logged up to operation {} is different", durable.lsn.value));
}

}  // namespace dr::inline v0
