// What goes between dr and a store: retries, limits and figures, always in the same order.
//
//   dr::StoreMetrics metrics;
//   auto store = dr::AddLayers(std::move(adapter), {.prefix = "agent7/", .concurrency_max = 8},
//                              {.clock = &clock, .random = &random, .metrics = &metrics});
//   … (*store)->Put(…) …
//   metrics.Read().Of(dr::StoreCall::kPut).p99;
//
// No layer starts a thread. Each wait ends with the deadline or the stop of its call's context. A
// call without a deadline ends within RetryOptions::patience and one attempt_timeout, waiting for
// concurrency and bandwidth not included.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/adapter/state_adapter.h"
#include "dr/clock.h"
#include "dr/environment/random.h"
#include "dr/export.h"
#include "dr/observer.h"

namespace dr::inline v0 {

/// Each kind of call of a StateAdapter.
enum class StoreCall : std::uint8_t {
  kPut,
  kGet,
  kList,
  kDelete,
  kCheck,
  kGetMany,
  kPutMany,
  kDeleteMany
};
inline constexpr std::size_t kStoreCalls = 8;  ///< how many StoreCall has
/// "Put", "Get" …, for logs and metrics.
DR_EXPORT std::string_view NameOf(StoreCall call);

/// Figures of all calls of one kind. A call and its retries count once.
struct CallFigures {
  std::uint64_t calls = 0;  ///< that have ended
  /// Calls that got no answer; kNotFound, kAlreadyExists and kAborted are answers.
  std::uint64_t errors = 0;
  std::uint64_t bytes_sent = 0;       ///< of values
  std::uint64_t bytes_received = 0;   ///< of values
  std::chrono::nanoseconds p50 = {};  ///< of the last 1,024, as the caller waited
  std::chrono::nanoseconds p99 = {};  ///< likewise
};

/// Of one store and its layers, since they were made. A snapshot.
struct StoreFigures {
  std::array<CallFigures, kStoreCalls> calls = {};  ///< by StoreCall
  std::uint64_t retries = 0;                        ///< attempts but the first, of all calls
  bool available = true;                            ///< as the newest attempt found it
  Instant unavailable_since = {};  ///< when the first attempt of an outage ended; else never
  absl::Status last_error = {};    ///< of the newest attempt without an answer
  /// Those of one kind of call.
  const CallFigures& Of(StoreCall call) const { return calls[static_cast<std::size_t>(call)]; }
};

/// Counts for one store, whose layers call it. Thread-safe.
class DR_EXPORT StoreMetrics {
 public:
  StoreMetrics();
  ~StoreMetrics();
  StoreFigures Read() const;  ///< a snapshot; counting goes on

  /// One call that has ended, as its caller saw it.
  void CountCall(StoreCall call, const absl::Status& status, std::uint64_t sent,
                 std::uint64_t received, std::chrono::nanoseconds duration);
  void CountRetry();  ///< one more attempt of a call
  /// The store did not answer an attempt, for this reason: an outage begins, or goes on.
  void SetAway(Instant now, const absl::Status& why);
  /// The store answered, with any status.
  void SetBack();

 private:
  struct Counters;
  std::unique_ptr<Counters> counters_;
};

/// Only what the store refused with kUnavailable is tried again, after a pause of random length, up
/// to a bound that doubles each time.
struct RetryOptions {
  int attempts_max = 10;  ///< of one call, including the first; 1: no retries
  /// The bound before the second attempt.
  std::chrono::nanoseconds first_pause = std::chrono::milliseconds(50);
  std::chrono::nanoseconds longest_pause = std::chrono::seconds(5);  ///< the bound never exceeds it
  /// In a call without a deadline, no attempt begins later than this after the first.
  std::chrono::nanoseconds patience = std::chrono::minutes(1);
  /// The budget of all calls together, so that a store that is down does not get ten times the
  /// load: each retry takes one, and ten calls that succeed give one back.
  int retries_max = 500;

  bool operator==(const RetryOptions&) const = default;
};

/// Stored data is needed back at different speeds, so its tiers share the bandwidth unequally.
enum class Tier : std::uint8_t {
  kFast,  ///< 10 % of the bandwidth
  kWarm,  ///< 80 %
  kCold,  ///< 10 %
};

/// What may pass between a store and its user.
struct BandwidthOptions {
  std::uint64_t bytes_per_second = 0;  ///< of values, both ways together; 0: no limit
  std::optional<Tier> tier = {};       ///< the part of it for this store; none: all of it

  bool operator==(const BandwidthOptions&) const = default;
};

/// What the layers do. The defaults retry, and limit each attempt.
struct LayerOptions {
  std::string prefix = {};  ///< of every key in the store; callers of the layers do not see it
  RetryOptions retry = {};  ///< of each call
  BandwidthOptions bandwidth = {};  ///< of all calls together
  std::size_t concurrency_max = 0;  ///< calls in the store at a time, others wait; 0: no limit
  /// The time of one attempt in the store, not counting waits for the limits; 0: no limit.
  std::chrono::nanoseconds attempt_timeout = std::chrono::seconds(30);

  bool operator==(const LayerOptions&) const = default;
};

/// All outlive the layers. The observer hears kStoreUnavailable at the first attempt that the store
/// does not answer, and kStoreBack at the first that it answers again, in turn.
struct LayerEnvironment {
  const Clock* clock = nullptr;     ///< required
  Random* random = nullptr;         ///< required; for the length of pauses
  Observer* observer = nullptr;     ///< null: no events
  StoreMetrics* metrics = nullptr;  ///< null: no figures
};

/// Puts the layers around `store`. No exception leaves them, except when GetMany has no memory for
/// its results. The result keeps StateAdapter's contract and declares what `store` declares, with
/// keys shorter by the prefix. kInvalidArgument for options out of their bounds.
///
/// A Put whose outcome is unknown is settled where that is possible without overwriting what
/// another writer may have put there. A conditional one is repeated under the same condition; then
/// what is there is compared. Equal bytes are taken for the writer's own, so values that several
/// writers put under one key must contain something random. Other bytes are kAlreadyExists if the
/// value was to be created (created values are not replaced), otherwise kUnknown, because the
/// writer's own may have been there in between. An unconditional Put is not repeated.
DR_EXPORT absl::StatusOr<std::unique_ptr<StateAdapter>> AddLayers(
    std::unique_ptr<StateAdapter> store, LayerOptions options, const LayerEnvironment& environment);

}  // namespace dr::inline v0
