// Leaves the disk to the log while the log is used.
#pragma once

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "dr/clock.h"
#include "dr/log/operation_log.h"
#include "dr/repository/repository.h"

namespace dr::inline v0 {

/// Passes records on to `out`, and rests in between so that it writes for about `share` of the
/// time. It does not rest while nothing is appended to the log, nor if the context has a deadline.
class PacedWriter final : public StateWriter {
 public:
  PacedWriter(StateWriter& out, const OperationLog& log, const Clock& clock, double share,
              Context context)
      : out_(out),
        log_(log),
        clock_(clock),
        rest_per_work_(context.deadline.is_never() ? 1 / share - 1 : 0),
        context_(std::move(context)),
        since_(clock.Now()) {}

  absl::Status WriteRecord(std::string_view record) override {
    absl::Status written = out_.Write(record);
    bytes_ += record.size();
    if (rest_per_work_ > 0 && bytes_ >= kBytesPerLook) Rest();
    return written;
  }

 private:
  static constexpr std::uint64_t kBytesPerLook = 1 << 20;
  static constexpr std::chrono::milliseconds kSlice{10};

  void Rest() {
    std::chrono::duration<double, std::nano> owed = (clock_.Now() - since_) * rest_per_work_;
    for (Lsn last = {}; owed.count() > 0 && !context_.stop.stop_requested() && log_.last() != last;
         owed -= kSlice) {
      last = log_.last();
      const std::chrono::nanoseconds left(std::int64_t(owed.count()));
      clock_.SleepUntil(clock_.Now() + std::min<std::chrono::nanoseconds>(kSlice, left),
                        context_.stop);
    }
    bytes_ = 0;
    since_ = clock_.Now();
  }

  StateWriter& out_;
  const OperationLog& log_;
  const Clock& clock_;
  const double rest_per_work_;
  const Context context_;
  Instant since_;
  std::uint64_t bytes_ = 0;
};

}  // namespace dr::inline v0
