#include "dr/adapter/layers.h"

#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/store/layers/each.h"

namespace dr::inline v0 {
namespace {

absl::Status Check(const LayerOptions& options, const Capabilities& can) {
  const auto refuse = [](std::string_view what, std::string_view next) {
    return MakeFault({.kind = FaultKind::kInvalid, .next = std::string(next)}, what);
  };
  if (options.prefix.size() >= can.max_key_bytes) {
    return refuse(fmt::format("a prefix of {} bytes leaves no room for keys of at most {}",
                              options.prefix.size(), can.max_key_bytes),
                  "use a shorter prefix");
  }
  const RetryOptions& retry = options.retry;
  if (retry.attempts_max < 1 || retry.retries_max < 0) {
    return refuse("attempts_max is at least 1, retries_max at least 0", "correct them");
  }
  if (retry.first_pause.count() < 0 || retry.longest_pause < retry.first_pause) {
    return refuse("first_pause is at least 0, longest_pause at least first_pause", "correct them");
  }
  if (retry.patience.count() < 0) {
    return refuse("patience is at least 0", "correct it");
  }
  if (options.attempt_timeout.count() < 0) {
    return refuse("attempt_timeout is at least 0", "give a length, or 0 for no limit");
  }
  return absl::OkStatus();
}

}  // namespace

// The store's own time is what the time-out measures, so it is innermost: waiting for our own
// limits is no fault of the store. Right around it each attempt is looked at, so that an outage
// shows at the first one that fails. A place among the concurrent calls is not held while waiting
// for bandwidth, and neither during the pauses between attempts; each attempt pays its bytes. The
// caller sees one call, so that is what metrics are about.
absl::StatusOr<std::unique_ptr<StateAdapter>> AddLayers(std::unique_ptr<StateAdapter> store,
                                                        LayerOptions options,
                                                        const LayerEnvironment& environment) {
  DR_RETURN_IF_ERROR(Check(options, store->capabilities()));
  const Clock& clock = *environment.clock;
  if (options.attempt_timeout.count() > 0) {
    store = WithTimeout(std::move(store), options.attempt_timeout, clock);
  }
  store = WithAvailability(std::move(store), environment);
  if (options.concurrency_max > 0) {
    store = WithConcurrencyLimit(std::move(store), options.concurrency_max, clock);
  }
  if (options.bandwidth.bytes_per_second > 0) {
    store = WithBandwidthLimit(std::move(store), options.bandwidth, clock);
  }
  if (options.retry.attempts_max > 1) {
    store = WithRetry(std::move(store), options.retry, environment);
  }
  if (!options.prefix.empty()) store = WithPrefix(std::move(store), std::move(options.prefix));
  if (environment.metrics != nullptr) {
    store = WithMetrics(std::move(store), *environment.metrics, clock);
  }
  return WithBorder(std::move(store));
}

}  // namespace dr::inline v0
