#include "src/log/group_encoder.h"

#include <algorithm>
#include <utility>

#include "src/base/assert.h"

namespace dr::inline v0 {
namespace {

constexpr std::size_t kBuffers = GroupsInFlight::kMax + 1;

}  // namespace

GroupEncoder::GroupEncoder(const GroupBuilder& builder, const LogTime& time, const Digest& history,
                           std::size_t group_bytes)
    : builder_(builder), time_(time), history_(history), unit_history_(history) {
  free_.reserve(kBuffers);
  while (free_.size() < kBuffers) free_.emplace_back(group_bytes);
}

void GroupEncoder::Open(std::uint64_t room_bytes, Lsn first_lsn, Lsn evidence,
                        std::int64_t time_ns) {
  DR_ASSERT(!open() && !free_.empty());
  buffer_ = std::move(free_.back());
  free_.pop_back();
  evidence_ = evidence;
  const std::size_t bytes = std::min<std::uint64_t>(room_bytes, buffer_.size());
  builder_.Begin(buffer_.span().first(bytes), first_lsn, evidence, time_ns);
  state_ = State::kOpen;
}

GroupWrite GroupEncoder::Close(std::uint64_t offset) {
  DR_ASSERT(open());
  state_ = State::kClosed;
  const std::size_t size = builder_.Finish().size();
  return {offset, size, std::move(buffer_)};
}

void GroupEncoder::GiveBack(AlignedBuffer buffer) {
  DR_ASSERT(free_.size() < kBuffers && buffer.size() > 0);
  free_.push_back(std::move(buffer));
}

std::uint64_t GroupEncoder::CloseSegment(std::span<char> block, Lsn next_lsn, Lsn evidence) {
  DR_ASSERT(!open());
  builder_.Begin(block, next_lsn, evidence, time_.last_ns());
  builder_.FinishFooter();
  return builder_.hash();
}

}  // namespace dr::inline v0
