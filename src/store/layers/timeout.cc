#include "dr/status.h"
#include "fmt/format.h"
#include "src/store/layers/each.h"
#include "src/store/layers/layer.h"

namespace dr::inline v0 {
namespace {

class TimeoutLayer final : public Layer {
 public:
  TimeoutLayer(Store inner, std::chrono::nanoseconds timeout, const Clock& clock)
      : Layer(std::move(inner)), timeout_(timeout), clock_(clock) {}

 private:
  absl::Status Intercept(const LayerCall& call) override {
    const Instant end = clock_.Now() + timeout_;
    if (end >= call.context.deadline) return call.ask(call.context).status;
    const absl::Status status = call.ask({.deadline = end, .stop = call.context.stop}).status;
    if (!absl::IsDeadlineExceeded(status)) return status;
    return MakeFault(
        {.kind = FaultKind::kBusy, .next = "call again, or see what the store is doing"},
        fmt::format("{}: no answer from the store within {} ms", NameOf(call.kind),
                    timeout_ / std::chrono::milliseconds(1)));
  }

  const std::chrono::nanoseconds timeout_;
  const Clock& clock_;
};

}  // namespace

Store WithTimeout(Store inner, std::chrono::nanoseconds timeout, const Clock& clock) {
  return std::make_unique<TimeoutLayer>(std::move(inner), timeout, clock);
}

}  // namespace dr::inline v0
