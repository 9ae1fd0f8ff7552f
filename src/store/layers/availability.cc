#include "dr/mutex.h"
#include "fmt/format.h"
#include "src/base/out_of_memory.h"
#include "src/store/layers/each.h"
#include "src/store/layers/layer.h"

namespace dr::inline v0 {
namespace {

// A caller's own deadline says nothing of the store, and neither does a write of unknown outcome
// without a message: that is where memory ended here.
bool IsSilence(const absl::Status& status) {
  return absl::IsUnavailable(status) || (absl::IsUnknown(status) && !status.message().empty());
}

class AvailabilityLayer final : public Layer {
 public:
  AvailabilityLayer(Store inner, const LayerEnvironment& environment)
      : Layer(std::move(inner)), environment_(environment) {}

 private:
  struct Outage {
    Instant since = {};  ///< never: there is none
    absl::Status why = {};
  };

  absl::Status Intercept(const LayerCall& call) override {
    const absl::Status status = call.ask(call.context).status;
    if (IsSilence(status) || IsAnswer(status)) {
      const Instant now = environment_.clock->Now();
      Note(status, now);
      // What could not be told for want of memory is told with the next attempt.
      static_cast<void>(WithinMemory([&] { return Notify(now); }));
    }
    return status;
  }

  void Note(const absl::Status& status, Instant now) {
    StoreMetrics* const metrics = environment_.metrics;
    MutexLock lock(mutex_);
    if (IsAnswer(status)) {
      outage_ = {};
      if (metrics != nullptr) metrics->SetBack();
    } else {
      if (outage_.since.is_never()) outage_ = {now, status};
      if (metrics != nullptr) metrics->SetAway(now, status);
    }
  }

  // One thread at a time tells, without the lock, and looks again before it leaves: so events come
  // in the order of what they tell.
  absl::Status Notify(Instant now) {
    MutexLock lock(mutex_);
    if (is_notifying_ || environment_.observer == nullptr) return absl::OkStatus();
    const Notifying notifying(is_notifying_);
    while (notified_.is_never() != outage_.since.is_never()) {
      const Event event = notified_.is_never() ? Away(outage_) : Back(now - notified_);
      notified_ = outage_.since;
      mutex_.unlock();
      environment_.observer->OnEvent(event);
      mutex_.lock();
    }
    return absl::OkStatus();
  }

  static Event Away(const Outage& outage) {
    return {.kind = EventKind::kStoreUnavailable,
            .status = outage.why,
            .text = "the store cannot be reached"};
  }
  static Event Back(std::chrono::nanoseconds away) {
    return {.kind = EventKind::kStoreBack,
            .duration = away,
            .text = fmt::format("the store answers again after {} ms",
                                away / std::chrono::milliseconds(1))};
  }

  struct Notifying {
    explicit Notifying(bool& flag) : flag_(flag) { flag_ = true; }
    ~Notifying() { flag_ = false; }
    bool& flag_;
  };

  const LayerEnvironment environment_;
  Mutex mutex_;
  Outage outage_ ABSL_GUARDED_BY(mutex_);
  Instant notified_ ABSL_GUARDED_BY(mutex_);  ///< since when, of the outage that was told last
  bool is_notifying_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

Store WithAvailability(Store inner, const LayerEnvironment& environment) {
  return std::make_unique<AvailabilityLayer>(std::move(inner), environment);
}

}  // namespace dr::inline v0
