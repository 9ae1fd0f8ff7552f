#include <algorithm>

#include "dr/mutex.h"
#include "dr/status.h"
#include "src/base/status_macros.h"
#include "src/store/layers/each.h"
#include "src/store/layers/layer.h"

namespace dr::inline v0 {
namespace {

double ShareOf(const std::optional<Tier>& tier) {
  if (!tier) return 1;
  return *tier == Tier::kWarm ? 0.8 : 0.1;
}

class BandwidthLayer final : public Layer {
 public:
  BandwidthLayer(Store inner, const BandwidthOptions& options, const Clock& clock)
      : Layer(std::move(inner)),
        ns_per_byte_(1e9 / (static_cast<double>(options.bytes_per_second) * ShareOf(options.tier))),
        clock_(clock) {}

 private:
  absl::Status Around(const LayerCall& call) override {
    DR_RETURN_IF_ERROR(AwaitTurn(call));
    const Answer answer = call.ask(call.context);
    if (answer.bytes == 0) return answer.status;
    MutexLock lock(
        mutex_);  // how long a reply is shows when it is there; the next one waits for it
    free_at_ = std::max(free_at_, clock_.Now()) + TimeOf(answer.bytes);
    return answer.status;
  }

  absl::Status AwaitTurn(const LayerCall& call) {
    Instant turn;
    {
      MutexLock lock(mutex_);
      turn = std::max(free_at_, clock_.Now());
      if (turn >= call.context.deadline) {
        return MakeFault(
            {.kind = FaultKind::kDeadline, .next = "give it more time, or raise bytes_per_second"},
            "the bandwidth that is allowed is used up beyond the deadline");
      }
      free_at_ = turn + TimeOf(call.bytes);
    }
    clock_.SleepUntil(turn, call.context.stop);
    return CheckContext(call.context, clock_, NameOf(call.kind));
  }

  std::chrono::nanoseconds TimeOf(std::uint64_t bytes) const {
    return std::chrono::nanoseconds(
        static_cast<std::int64_t>(static_cast<double>(bytes) * ns_per_byte_));
  }

  const double ns_per_byte_;
  const Clock& clock_;
  Mutex mutex_;
  Instant free_at_ ABSL_GUARDED_BY(mutex_) = Instant::FromNanoseconds(0);
};

}  // namespace

Store WithBandwidthLimit(Store inner, const BandwidthOptions& options, const Clock& clock) {
  return std::make_unique<BandwidthLayer>(std::move(inner), options, clock);
}

}  // namespace dr::inline v0
