#include <atomic>

#include "dr/mutex.h"
#include "fmt/format.h"
#include "src/base/recent_durations.h"
#include "src/store/layers/each.h"
#include "src/store/layers/layer.h"

namespace dr::inline v0 {

std::string_view NameOf(StoreCall call) {
  constexpr std::array<std::string_view, kStoreCalls> kNames = {
      "Put", "Get", "List", "Delete", "Check", "GetMany", "PutMany"};
  return kNames[static_cast<std::size_t>(call)];
}

namespace {

bool IsAnswer(const absl::Status& status) {
  return status.ok() || absl::IsNotFound(status) || absl::IsAlreadyExists(status) ||
         absl::IsAborted(status);
}

}  // namespace

struct StoreMetrics::Counters {
  mutable Mutex mutex;
  StoreFigures figures ABSL_GUARDED_BY(mutex);
  std::array<RecentDurations, kStoreCalls> durations ABSL_GUARDED_BY(mutex);
};

StoreMetrics::StoreMetrics() : counters_(std::make_unique<Counters>()) {}
StoreMetrics::~StoreMetrics() = default;

StoreFigures StoreMetrics::Read() const {
  std::array<RecentDurations, kStoreCalls> durations;
  StoreFigures figures;
  {
    MutexLock lock(counters_->mutex);
    durations = counters_->durations;
    figures = counters_->figures;
  }
  for (std::size_t i = 0; i < kStoreCalls; ++i) {
    const RecentDurations::Quantiles quantiles = durations[i].quantiles();
    figures.calls[i].p50 = quantiles.p50;
    figures.calls[i].p99 = quantiles.p99;
  }
  return figures;
}

void StoreMetrics::CountCall(StoreCall call, const absl::Status& status, std::uint64_t sent,
                             std::uint64_t received, std::chrono::nanoseconds duration) {
  const std::size_t i = static_cast<std::size_t>(call);
  MutexLock lock(counters_->mutex);
  CallFigures& figures = counters_->figures.calls[i];
  ++figures.calls;
  figures.errors += IsAnswer(status) ? 0 : 1;
  figures.bytes_sent += sent;
  figures.bytes_received += received;
  counters_->durations[i].Add(duration);
}

void StoreMetrics::CountRetry() {
  MutexLock lock(counters_->mutex);
  ++counters_->figures.retries;
}

void StoreMetrics::SetAvailable(bool available) {
  MutexLock lock(counters_->mutex);
  counters_->figures.available = available;
}

namespace {

class MetricsLayer final : public Layer {
 public:
  MetricsLayer(Store inner, const LayerEnvironment& environment)
      : Layer(std::move(inner)), environment_(environment) {}

 private:
  absl::Status Around(const LayerCall& call) override {
    const Instant start = environment_.clock->Now();
    const Answer answer = call.ask(call.context);
    const Instant end = environment_.clock->Now();
    if (environment_.metrics != nullptr) {
      environment_.metrics->CountCall(call.kind, answer.status, call.bytes, answer.bytes,
                                      end - start);
    }
    if (absl::IsUnavailable(answer.status)) {
      Away(answer.status, end);
    } else if (IsAnswer(answer.status)) {
      Back(end);
    }
    return answer.status;
  }

  void Away(const absl::Status& why, Instant now) {
    {
      MutexLock lock(mutex_);
      if (!away_since_.is_never()) return;
      away_since_ = now;
      if (environment_.metrics != nullptr) environment_.metrics->SetAvailable(false);
    }
    Tell({.kind = EventKind::kStoreUnavailable,
          .status = why,
          .text = "the store cannot be reached"});
  }

  void Back(Instant now) {
    std::chrono::nanoseconds away;
    {
      MutexLock lock(mutex_);
      if (away_since_.is_never()) return;
      away = now - away_since_;
      away_since_ = Instant::Never();
      if (environment_.metrics != nullptr) environment_.metrics->SetAvailable(true);
    }
    Tell({.kind = EventKind::kStoreBack,
          .duration = away,
          .text = fmt::format("the store answers again after {} ms",
                              away / std::chrono::milliseconds(1))});
  }

  void Tell(const Event& event) const {
    if (environment_.observer != nullptr) environment_.observer->OnEvent(event);
  }

  const LayerEnvironment environment_;
  Mutex mutex_;
  Instant away_since_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

Store WithMetrics(Store inner, const LayerEnvironment& environment) {
  return std::make_unique<MetricsLayer>(std::move(inner), environment);
}

}  // namespace dr::inline v0
