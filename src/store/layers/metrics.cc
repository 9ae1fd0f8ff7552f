#include "dr/mutex.h"
#include "src/base/assert.h"
#include "src/base/recent_durations.h"
#include "src/store/layers/each.h"
#include "src/store/layers/layer.h"

namespace dr::inline v0 {

std::string_view NameOf(StoreCall call) {
  constexpr std::array<std::string_view, kStoreCalls> kNames = {
      "Put", "Get", "List", "Delete", "Check", "GetMany", "PutMany", "DeleteMany"};
  return kNames[static_cast<std::size_t>(call)];
}

bool IsAnswer(const absl::Status& status) {
  return status.ok() || absl::IsNotFound(status) || absl::IsAlreadyExists(status) ||
         absl::IsAborted(status);
}

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

void StoreMetrics::SetAway(Instant now, const absl::Status& why) {
  MutexLock lock(counters_->mutex);
  StoreFigures& figures = counters_->figures;
  DR_ASSERT(figures.available == figures.unavailable_since.is_never() && !why.ok());
  if (figures.available) figures.unavailable_since = now;
  figures.available = false;
  figures.last_error = why;
}

void StoreMetrics::SetBack() {
  MutexLock lock(counters_->mutex);
  counters_->figures.available = true;
  counters_->figures.unavailable_since = Instant::Never();
}

namespace {

class MetricsLayer final : public Layer {
 public:
  MetricsLayer(Store inner, StoreMetrics& metrics, const Clock& clock)
      : Layer(std::move(inner)), metrics_(metrics), clock_(clock) {}

 private:
  absl::Status Intercept(const LayerCall& call) override {
    const Instant start = clock_.Now();
    const Answer answer = call.ask(call.context);
    metrics_.CountCall(call.kind, answer.status, call.bytes, answer.bytes, clock_.Now() - start);
    return answer.status;
  }

  StoreMetrics& metrics_;
  const Clock& clock_;
};

}  // namespace

Store WithMetrics(Store inner, StoreMetrics& metrics, const Clock& clock) {
  return std::make_unique<MetricsLayer>(std::move(inner), metrics, clock);
}

}  // namespace dr::inline v0
