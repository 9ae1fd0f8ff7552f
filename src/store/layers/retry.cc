#include <algorithm>
#include <atomic>

#include "dr/status.h"
#include "src/store/layers/each.h"
#include "src/store/layers/layer.h"

namespace dr::inline v0 {
namespace {

constexpr int kSuccessesPerRetry = 10;

class RetryLayer final : public Layer {
 public:
  RetryLayer(Store inner, const RetryOptions& options, const LayerEnvironment& environment)
      : Layer(std::move(inner)),
        options_(options),
        environment_(environment),
        tokens_max_(std::int64_t{options.retries_max} * kSuccessesPerRetry),
        tokens_(tokens_max_) {}

  absl::StatusOr<Version> Put(std::string_view key, std::string_view value,
                              const PutOptions& options, const Context& context) override;

 private:
  class Attempts;

  absl::Status Intercept(const LayerCall& call) override;
  absl::StatusOr<Version> Compare(std::string_view key, std::string_view value,
                                  const absl::Status& refused, const absl::Status& lost,
                                  Attempts& attempts);
  absl::StatusOr<Version> Settle(std::string_view key, std::string_view value,
                                 const PutOptions& options, const absl::Status& lost,
                                 Attempts& attempts);

  /// Tenths of a retry.
  bool TakeTokens() {
    std::int64_t left = tokens_;
    while (left >= kSuccessesPerRetry) {
      if (tokens_.compare_exchange_weak(left, left - kSuccessesPerRetry)) return true;
    }
    return false;
  }
  void GiveTokens(std::int64_t count) {
    std::int64_t left = tokens_;
    while (left < tokens_max_ &&
           !tokens_.compare_exchange_weak(left, std::min(left + count, tokens_max_))) {
    }
  }

  const RetryOptions options_;
  const LayerEnvironment environment_;
  const std::int64_t tokens_max_;
  std::atomic<std::int64_t> tokens_;
};

/// What one call may still do.
class RetryLayer::Attempts {
 public:
  Attempts(RetryLayer& layer, const Context& context)
      : layer_(layer),
        context_(context),
        // A caller without a deadline does not wait without end.
        last_(context.deadline.is_never() ? clock().Now() + layer.options_.patience
                                          : context.deadline) {}
  const Context& context() const { return context_; }

  /// Whether there is another one; if so, its pause has passed. One that is not made takes nothing
  /// from what all calls have together.
  bool Another() {
    const RetryOptions& options = layer_.options_;
    if (made_ >= options.attempts_max || clock().Now() >= last_) return false;
    const absl::StatusOr<std::uint64_t> dice = layer_.environment_.random->Next();
    if (!dice.ok()) return false;
    bound_ = made_ == 1 ? options.first_pause : std::min(bound_ * 2, options.longest_pause);
    const std::chrono::nanoseconds pause(*dice % (static_cast<std::uint64_t>(bound_.count()) + 1));
    Instant next = clock().Now() + pause;
    if (next >= context_.deadline) return false;
    next = std::min(next, last_);
    if (!layer_.TakeTokens()) return false;
    clock().SleepUntil(next, context_.stop);
    ++made_;
    if (context_.stop.stop_requested()) {  // the next attempt ends at once, with kCancelled
      layer_.GiveTokens(kSuccessesPerRetry);
    } else if (layer_.environment_.metrics != nullptr) {
      layer_.environment_.metrics->CountRetry();
    }
    return true;
  }

 private:
  const Clock& clock() const { return *layer_.environment_.clock; }

  RetryLayer& layer_;
  const Context& context_;
  const Instant last_;  ///< when the last attempt begins at the latest
  int made_ = 1;
  std::chrono::nanoseconds bound_ = {};
};

absl::Status RetryLayer::Intercept(const LayerCall& call) {
  for (Attempts attempts(*this, call.context);;) {
    const absl::Status status = call.ask(call.context).status;
    if (status.ok()) GiveTokens(1);
    if (!absl::IsUnavailable(status) || !attempts.Another()) return status;
  }
}

absl::StatusOr<Version> RetryLayer::Put(std::string_view key, std::string_view value,
                                        const PutOptions& options, const Context& context) {
  absl::Status lost;  // of an attempt that may have happened
  for (Attempts attempts(*this, context);;) {
    absl::StatusOr<Version> put = inner().Put(key, value, options, context);
    const absl::Status& status = put.status();
    if (status.ok()) {
      GiveTokens(1);
      return put;
    }
    if (absl::IsUnknown(status)) {
      lost = status;
      if (options.condition == PutCondition::kAlways) {
        return Settle(key, value, options, lost, attempts);
      }
    } else if (!absl::IsUnavailable(status)) {
      return lost.ok() ? status : Compare(key, value, status, lost, attempts);
    }
    if (!attempts.Another()) return lost.ok() ? status : lost;
  }
}

// A conditional put that may have happened was refused when it was repeated, maybe by itself. That
// it was refused also says that what is there is durable.
absl::StatusOr<Version> RetryLayer::Compare(std::string_view key, std::string_view value,
                                            const absl::Status& refused, const absl::Status& lost,
                                            Attempts& attempts) {
  if (!absl::IsAlreadyExists(refused) && !absl::IsAborted(refused)) return lost;
  for (;;) {
    const absl::StatusOr<Item> found = inner().Get(key, attempts.context());
    if (found.ok() && found->value == value) return found->version;
    // What was to replace a version may have done so, and been replaced in turn.
    if (found.ok()) return absl::IsAlreadyExists(refused) ? refused : lost;
    if (!absl::IsUnavailable(found.status()) || !attempts.Another()) return lost;
  }
}

// An unconditional put may have happened. Repeating it could undo what another writer has put there
// since; putting the same bytes in the place of the version that was found cannot, and makes them
// durable.
absl::StatusOr<Version> RetryLayer::Settle(std::string_view key, std::string_view value,
                                           const PutOptions& options, const absl::Status& lost,
                                           Attempts& attempts) {
  const bool seen_is_kept = !capabilities().durable && !options.ttl;
  if (!seen_is_kept && !capabilities().if_version) return lost;
  for (;;) {
    const absl::StatusOr<Item> found = inner().Get(key, attempts.context());
    absl::Status status = found.status();
    if (status.ok()) {
      if (found->value != value) return lost;
      if (seen_is_kept) return found->version;
      absl::StatusOr<Version> put = inner().Put(
          key, value,
          {.condition = PutCondition::kIfVersion, .version = found->version, .ttl = options.ttl},
          attempts.context());
      if (put.ok()) return put;
      status = put.status();
      if (absl::IsAborted(status) || absl::IsNotFound(status)) return found->version;
    }
    const bool again = absl::IsUnavailable(status) || absl::IsUnknown(status);
    if (!again || !attempts.Another()) return lost;
  }
}

}  // namespace

Store WithRetry(Store inner, const RetryOptions& options, const LayerEnvironment& environment) {
  return std::make_unique<RetryLayer>(std::move(inner), options, environment);
}

}  // namespace dr::inline v0
