#include "src/log/groups_in_flight.h"

#include <utility>

#include "src/base/assert.h"

namespace dr::inline v0 {

std::size_t GroupsInFlight::Add(GroupInFlight group) {
  DR_ASSERT(!full() && group.write.size > 0 && group.write.buffer.size() >= group.write.size);
  const std::size_t slot = (oldest_ + count_) % kMax;
  DR_ASSERT(slots_[slot].state == State::kFree);
  ++count_;
  slots_[slot] = {State::kWaiting, std::move(group)};
  return slot;
}

GroupWrite GroupsInFlight::Take(std::size_t slot) {
  DR_ASSERT(slots_[slot].state == State::kWaiting);
  slots_[slot].state = State::kWriting;
  GroupWrite& write = slots_[slot].group.write;
  return {write.offset, write.size, std::move(write.buffer)};
}

void GroupsInFlight::PutBack(std::size_t slot, GroupWrite write) {
  DR_ASSERT(slots_[slot].state == State::kWriting);
  DR_ASSERT(write.offset == slots_[slot].group.write.offset);
  slots_[slot].state = State::kWaiting;
  slots_[slot].group.write = std::move(write);
}

void GroupsInFlight::SetWritten(std::size_t slot) {
  DR_ASSERT(slots_[slot].state == State::kWriting);
  slots_[slot].state = State::kWritten;
}

std::optional<std::size_t> GroupsInFlight::waiting() const {
  for (std::size_t i = 0; i < count_; ++i) {
    const std::size_t slot = (oldest_ + i) % kMax;
    if (slots_[slot].state == State::kWaiting) return slot;
  }
  return std::nullopt;
}

void GroupsInFlight::Remove() {
  DR_ASSERT(oldest_written());
  slots_[oldest_].state = State::kFree;
  oldest_ = (oldest_ + 1) % kMax;
  --count_;
}

void GroupsInFlight::CheckSlots() const {
  DR_ASSERT(count_ <= kMax);
  for (std::size_t i = 0; i < kMax; ++i) {
    const Slot& slot = slots_[(oldest_ + i) % kMax];
    DR_ASSERT((slot.state == State::kFree) == (i >= count_));
    if (slot.state == State::kFree) continue;
    // A buffer is here only while no thread has it.
    DR_ASSERT((slot.group.write.buffer.size() > 0) == (slot.state == State::kWaiting));
    DR_ASSERT(slot.group.evidence <= slot.group.unit && slot.group.unit <= slot.group.last);
  }
  if (!full()) return;
  const Slot& newest = slots_[(oldest_ + 1) % kMax];
  DR_ASSERT(oldest().write.end() == newest.group.write.offset);
  DR_ASSERT(oldest().unit <= newest.group.unit && oldest().last <= newest.group.last);
}

}  // namespace dr::inline v0
