// The layers one by one; dr/adapter/layers.h puts them together.
#pragma once

#include <memory>

#include "dr/adapter/layers.h"
#include "dr/adapter/state_adapter.h"

namespace dr::inline v0 {

using Store = std::unique_ptr<StateAdapter>;

/// Gives an attempt so much time, and makes of one that took it all an error that may be retried.
Store WithTimeout(Store inner, std::chrono::nanoseconds timeout, const Clock& clock);
/// So many calls at a time; the others wait.
Store WithConcurrencyLimit(Store inner, std::size_t calls_max, const Clock& clock);
/// A call goes out when the bytes of those before it have had their time.
Store WithBandwidthLimit(Store inner, const BandwidthOptions& options, const Clock& clock);
Store WithRetry(Store inner, const RetryOptions& options, const LayerEnvironment& environment);
/// The prefix is shorter than the longest key of `inner`.
Store WithPrefix(Store inner, std::string prefix);
/// Tells when attempts begin to stay without an answer, and when they are answered again.
Store WithAvailability(Store inner, const LayerEnvironment& environment);
Store WithMetrics(Store inner, StoreMetrics& metrics, const Clock& clock);
/// Where no exception passes: memory that ends is kResourceExhausted, of a write kUnknown. GetMany
/// still throws if there is none for its results.
Store WithBorder(Store inner);

}  // namespace dr::inline v0
