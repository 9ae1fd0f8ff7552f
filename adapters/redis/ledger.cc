#include "adapters/redis/ledger.h"

#include <algorithm>

#include "dr/status.h"
#include "fmt/format.h"

namespace dr::inline v0::redis {

absl::Status Ledger::status() const {
  MutexLock lock(mutex_);
  return status_;
}

std::int64_t Ledger::acknowledged() const {
  MutexLock lock(mutex_);
  return acknowledged_;
}

bool Ledger::IsCurrent(std::uint64_t admitted) const {
  MutexLock lock(mutex_);
  return admitted == number_;
}

absl::Status Ledger::Lost(std::int64_t count, std::int64_t expected) {
  status_ = MakeFault(
      {.kind = FaultKind::kRollback,
       .place = server_,
       .next = "open the store again, and put again what it must have"},
      count == kNone
          ? fmt::format("Redis has forgotten this store and the {} writes it acknowledged "
                        "to it: it was emptied, or restarted without its data",
                        std::max<std::int64_t>(expected, 0))
          : fmt::format("Redis has {} of the {} writes it acknowledged to this store: a "
                        "fail-over or a restart lost the rest",
                        count, expected));
  return status_;
}

absl::StatusOr<std::uint64_t> Ledger::Admit(std::string_view server, std::int64_t count,
                                            std::int64_t before) {
  MutexLock lock(mutex_);
  if (!status_.ok()) return status_;
  // What another server acknowledged meanwhile this one must have too. What it acknowledged itself
  // may be later than the count.
  const std::int64_t expected = server == server_ ? before : acknowledged_;
  if (server != server_) {
    server_ = server;
    ++number_;
  }
  if (count < expected) return Lost(count, expected);
  return number_;
}

absl::Status Ledger::Acknowledge(std::int64_t count, std::int64_t before, std::uint64_t admitted) {
  MutexLock lock(mutex_);
  if (admitted != number_) {
    return MakeFault({.kind = FaultKind::kBusy, .place = server_, .next = "read it"},
                     "another server took over while a former one acknowledged a write");
  }
  if (count <= before) return Lost(count, before);
  acknowledged_ = std::max(acknowledged_, count);
  return absl::OkStatus();
}

}  // namespace dr::inline v0::redis
