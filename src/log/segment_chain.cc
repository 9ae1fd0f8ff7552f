#include "src/log/segment_chain.h"

#include <utility>

#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/assert.h"
#include "src/log/segment_files.h"

namespace dr::inline v0 {
namespace {

bool Follows(const LogSegment& next, const LogSegment& segment) {
  return next.prefix.number == segment.prefix.number + 1 &&
         next.prefix.previous.number == segment.prefix.number &&
         next.prefix.previous.salt == segment.prefix.salt;
}

}  // namespace

SegmentChain::SegmentChain(std::vector<LogSegment> sealed, LiveSegment live, SpareList spares)
    : sealed_(std::move(sealed)),
      live_(std::move(live)),
      readable_end_(live_.offset),
      spares_(std::move(spares)) {
  for (std::size_t i = 1; i < sealed_.size(); ++i) DR_ASSERT(Follows(sealed_[i], sealed_[i - 1]));
  DR_ASSERT(sealed_.empty() || Follows(live_.segment, sealed_.back()));
  MakePlaces();
  Check();
}

std::uint64_t SegmentChain::Append(std::uint64_t bytes) {
  DR_ASSERT(bytes > 0 && bytes <= LiveBlocks() * kBlockBytes);
  return std::exchange(live_.offset, live_.offset + bytes);
}

void SegmentChain::MakeReadable(std::uint64_t end) {
  DR_ASSERT(readable_end_ <= end);
  readable_end_ = end;
}

void SegmentChain::Extend(std::uint64_t prepared_bytes, std::uint64_t added_bytes) {
  DR_ASSERT(live_.file.prepared_bytes == prepared_bytes);
  live_.file.prepared_bytes += added_bytes;
}

void SegmentChain::MakePlaces() {
  const std::size_t places = sealed_.size() + spares_.size() + 2;
  if (sealed_.capacity() < places) sealed_.reserve(2 * places);
  spares_.MakePlaces(1);
}

void SegmentChain::Enter(const SegmentPrefix& prefix, std::uint64_t prefix_hash, bool continues,
                         SegmentFile file) {
  DR_ASSERT(prefix.previous.offset >= live_.offset && readable_end_ <= live_.offset);
  DR_ASSERT(sealed_.size() < sealed_.capacity());  // MakePlaces has kept one for it
  live_.segment.end = prefix.previous;
  live_.segment.file_bytes = live_.file.prepared_bytes;
  sealed_.push_back(live_.segment);
  live_.segment = {.name = file.segment.name,
                   .prefix = prefix,
                   .prefix_hash = prefix_hash,
                   .continues = continues};
  live_.file = std::move(file);
  live_.offset = readable_end_ = kBlockBytes;
  DR_ASSERT(Follows(live_.segment, sealed_.back()));
  Check();
}

std::uint64_t SegmentChain::NeededFrom(Lsn keep_from) const {
  for (std::size_t i = 0; i < sealed_.size(); ++i) {
    if (sealed_[i].end.last_lsn >= keep_from) return sealed_[i].prefix.number;
    // A record that is needed may begin in a segment whose own records are not.
    const LogSegment& next = i + 1 < sealed_.size() ? sealed_[i + 1] : live_.segment;
    if (next.continues && next.prefix.first_lsn >= keep_from) return sealed_[i].prefix.number;
  }
  return prefix().number;
}

bool SegmentChain::DropBelow(std::uint64_t number) {
  return std::erase_if(sealed_, [&](const LogSegment& s) { return s.prefix.number < number; }) > 0;
}

absl::StatusOr<SegmentExtent> SegmentChain::Locate(std::uint64_t number,
                                                   const LogPositions& positions) const {
  if (number == prefix().number) {
    return SegmentExtent{live_.segment, readable_end_, positions.staged(), positions.durable(),
                         true};
  }
  for (const LogSegment& segment : sealed_) {
    if (segment.prefix.number != number) continue;
    return SegmentExtent{segment, segment.end.offset, segment.end.last_lsn, positions.durable(),
                         false};
  }
  return MakeFault({.kind = FaultKind::kWalGap,
                    .place = std::string(SegmentName(number)),
                    .next = "read from a later position, or from a checkpoint"},
                   "this part of the log was trimmed");
}

absl::StatusOr<std::uint64_t> SegmentChain::SegmentWith(Lsn from) const {
  if (prefix().first_lsn <= from) return prefix().number;
  for (auto it = sealed_.rbegin(); it != sealed_.rend(); ++it) {
    if (it->prefix.first_lsn <= from) return it->prefix.number;
  }
  const LogSegment& oldest = sealed_.empty() ? live_.segment : sealed_.front();
  return MakeFault({.kind = FaultKind::kWalGap,
                    .place = std::string(oldest.name),
                    .lsn = from,
                    .next = "read from a checkpoint"},
                   fmt::format("the log begins at {}", oldest.prefix.first_lsn.value));
}

std::uint64_t SegmentChain::bytes() const {
  std::uint64_t bytes = live_.offset;
  for (const LogSegment& segment : sealed_) bytes += segment.end.offset;
  return bytes;
}

}  // namespace dr::inline v0
