#include "src/log/spare_list.h"

#include <utility>

#include "src/base/assert.h"

namespace dr::inline v0 {

SpareList::SpareList(std::uint64_t segment_bytes, std::vector<SegmentFile> spares,
                     std::uint64_t next_number)
    : segment_bytes_(segment_bytes), spares_(std::move(spares)), next_number_(next_number) {}

SpareNumbers SpareList::ReserveNumbers(std::uint64_t count) {
  return {std::exchange(next_number_, next_number_ + count), count};
}

void SpareList::Add(SegmentFile spare) {
  DR_ASSERT(spare.segment.file != nullptr && spare.head.file != nullptr);
  DR_ASSERT(spare.prepared_bytes <= segment_bytes_);
  spares_.push_back(std::move(spare));
}

SegmentFile SpareList::Take() {
  DR_ASSERT(!spares_.empty());
  const auto spare = std::find_if(spares_.begin(), spares_.end(), [](const SegmentFile& file) {
    return UsableBlocks(file.prepared_bytes, kBlockBytes) > 0;
  });
  return TakeAt(spare == spares_.end() ? 0 : static_cast<std::size_t>(spare - spares_.begin()));
}

std::optional<SegmentFile> SpareList::TakeUnfinished() {
  const auto spare = std::find_if(spares_.begin(), spares_.end(), [&](const SegmentFile& file) {
    return file.prepared_bytes < segment_bytes_;
  });
  if (spare == spares_.end()) return std::nullopt;
  return TakeAt(static_cast<std::size_t>(spare - spares_.begin()));
}

SegmentFile SpareList::TakeAt(std::size_t index) {
  SegmentFile taken = std::move(spares_[index]);
  spares_.erase(spares_.begin() + static_cast<std::ptrdiff_t>(index));
  return taken;
}

}  // namespace dr::inline v0
