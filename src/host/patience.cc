#include "src/host/patience.h"

#include <utility>

#include "dr/status.h"
#include "fmt/format.h"
#include "src/store/layers/layer.h"

namespace dr::inline v0 {

class Patience::PatientLayer final : public Layer {
 public:
  PatientLayer(std::unique_ptr<StateAdapter> inner, Patience& patience)
      : Layer(std::move(inner)), patience_(patience) {}

 private:
  absl::Status Intercept(const LayerCall& call) override {
    const Instant end = patience_.end();
    if (end >= call.context.deadline) return call.ask(call.context).status;
    const absl::Status status = call.ask({.deadline = end, .stop = call.context.stop}).status;
    if (absl::IsDeadlineExceeded(status)) {
      const absl::Status away = MakeFault(
          {.kind = FaultKind::kBusy, .next = "start the store and call again, or allow more time"},
          fmt::format("{}: the store has not answered for {} s", NameOf(call.kind),
                      kLimit / std::chrono::seconds(1)));
      patience_.metrics_.SetAway(patience_.clock_.Now(), away);
      return away;
    }
    const bool answered =
        !absl::IsUnavailable(status) && !absl::IsUnknown(status) && !absl::IsCancelled(status);
    if (answered) patience_.Answered();
    return status;
  }

  Patience& patience_;
};

void Patience::Limit() {
  const Instant end = clock_.Now() + kLimit;
  MutexLock lock(mutex_);
  end_ = end;
}

Instant Patience::end() const {
  MutexLock lock(mutex_);
  return end_;
}

void Patience::Answered() {
  const Instant end = clock_.Now() + kLimit;
  metrics_.SetBack();
  MutexLock lock(mutex_);
  end_ = end;
}

std::unique_ptr<StateAdapter> Patience::Apply(std::unique_ptr<StateAdapter> store) {
  return std::make_unique<PatientLayer>(std::move(store), *this);
}

}  // namespace dr::inline v0
