// A store whose calls fail on their way, as its seed says: for tests of what is built on a store.
//
//   dr::MemoryStore memory;
//   dr::FaultStore store(memory, clock, seed, {.drop = 5, .lose_reply = 10});
//   store.Next(dr::StoreFault::kRefuse, 3);      // or: exactly this, three times
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "dr/adapter/state_adapter.h"
#include "dr/clock.h"
#include "dr/export.h"
#include "dr/mutex.h"

namespace dr::inline v0 {

/// Put, Delete, PutMany and DeleteMany are writes, the rest reads. A read without a reply is
/// kUnavailable, a write kUnknown.
enum class StoreFault : std::uint8_t {
  kNone,
  kRefuse,     ///< kUnavailable, and nothing has happened
  kDrop,       ///< the call does not arrive, and the caller cannot know
  kDelay,      ///< a write arrives during a later call
  kDuplicate,  ///< a write arrives, and again during a later call
  kLoseReply,  ///< the call arrives, its reply does not
  kCorrupt,    ///< one bit of what Get returns is wrong
  kSlow,       ///< takes up to `kSlowMax`; a write that is not answered in time arrives
  kPartial,    ///< the first half: of the items, the keys, the page or the value
};

/// How often each StoreFault is chosen, in per cent of the calls; together at most 100.
struct FaultRates {
  int refuse = 0;      ///< kRefuse
  int drop = 0;        ///< kDrop
  int delay = 0;       ///< kDelay
  int duplicate = 0;   ///< kDuplicate
  int lose_reply = 0;  ///< kLoseReply
  int corrupt = 0;     ///< kCorrupt
  int slow = 0;        ///< kSlow
  int partial = 0;     ///< kPartial
};

/// Between its faults it behaves as the other store, with batches that are not atomic. Thread-safe;
/// faults are repeatable for one thread at a time.
class DR_EXPORT FaultStore final : public StateAdapter {
 public:
  /// Of StoreFault::kSlow.
  static constexpr std::chrono::nanoseconds kSlowMax = std::chrono::seconds(2);

  /// `store` and `clock` outlive it.
  FaultStore(StateAdapter& store, const Clock& clock, std::uint64_t seed, FaultRates rates = {});

  /// The next calls fail in this way, whatever the rates.
  void Next(StoreFault fault, int times = 1);
  /// Lets all writes that are still on their way arrive.
  void Arrive();

  const Capabilities& capabilities() const override { return capabilities_; }
  absl::StatusOr<Version> Put(std::string_view key, std::string_view value,
                              const PutOptions& options, const Context& context) override;
  absl::StatusOr<Item> Get(std::string_view key, const Context& context) override;
  absl::StatusOr<Page> List(std::string_view prefix, std::string_view after,
                            const Context& context) override;
  absl::Status Delete(std::string_view key, const DeleteOptions& options,
                      const Context& context) override;
  absl::Status Check(const Context& context) override;
  std::vector<absl::StatusOr<Item>> GetMany(std::span<const std::string_view> keys,
                                            const Context& context) override;
  absl::Status PutMany(std::span<const KeyValue> items, const Context& context) override;
  absl::Status DeleteMany(std::span<const std::string> keys, const Context& context) override;

 private:
  using Write = std::function<absl::Status(const Context& context)>;

  std::uint64_t Dice(std::uint64_t sides);
  StoreFault Choose();
  void ArriveSome();
  absl::Status Slowly(const Context& context);
  absl::Status MakeWrite(std::string_view key, const Context& context, const Write& write,
                         const Write& later, const Write& half);
  /// kNone, kCorrupt or kPartial if it may go on.
  absl::StatusOr<StoreFault> MakeRead(const Context& context);

  StateAdapter& store_;
  const Clock& clock_;
  const std::vector<int> rates_;
  Capabilities capabilities_;
  Mutex mutex_;
  std::uint64_t state_ ABSL_GUARDED_BY(mutex_);
  std::deque<StoreFault> next_ ABSL_GUARDED_BY(mutex_);
  std::vector<Write> on_their_way_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dr::inline v0
