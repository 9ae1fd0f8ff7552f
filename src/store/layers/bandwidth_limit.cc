#include <algorithm>
#include <optional>

#include "dr/mutex.h"
#include "dr/status.h"
#include "dr/status_macros.h"
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
  absl::Status Intercept(const LayerCall& call) override {
    DR_RETURN_IF_ERROR(CheckContext(call.context, clock_, NameOf(call.kind)));
    Share share(*this, TimeOf(call.bytes));
    DR_RETURN_IF_ERROR(AwaitTurn(call, share));
    const Answer answer = call.ask(call.context);
    // A call that was late or cancelled beneath this layer has sent nothing that is kept.
    if (!absl::IsDeadlineExceeded(answer.status) && !absl::IsCancelled(answer.status)) share.Use();
    if (answer.bytes == 0) return answer.status;
    // How long a reply is shows when it is there; the next one waits for it.
    MutexLock lock(mutex_);
    free_at_ = std::max(free_at_, clock_.Now()) + TimeOf(answer.bytes);
    return answer.status;
  }

  /// The time that a call's bytes take, given back unless it is used.
  class Share {
   public:
    Share(BandwidthLayer& layer, std::chrono::nanoseconds time) : layer_(layer), time_(time) {}
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share() {
      if (!is_taken_) return;
      MutexLock lock(layer_.mutex_);
      layer_.free_at_ = layer_.free_at_ + -time_;
    }
    /// When the call may go out, if it may before its deadline.
    std::optional<Instant> Take(Instant deadline) {
      MutexLock lock(layer_.mutex_);
      const Instant turn = std::max(layer_.free_at_, layer_.clock_.Now());
      if (turn >= deadline) return std::nullopt;
      layer_.free_at_ = turn + time_;
      is_taken_ = true;
      return turn;
    }
    void Use() { is_taken_ = false; }

   private:
    BandwidthLayer& layer_;
    const std::chrono::nanoseconds time_;
    bool is_taken_ = false;
  };

  absl::Status AwaitTurn(const LayerCall& call, Share& share) {
    const std::optional<Instant> turn = share.Take(call.context.deadline);
    if (!turn) {
      return MakeFault(
          {.kind = FaultKind::kDeadline, .next = "give it more time, or raise bytes_per_second"},
          "the bandwidth that is allowed is used up beyond the deadline");
    }
    clock_.SleepUntil(*turn, call.context.stop);
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
