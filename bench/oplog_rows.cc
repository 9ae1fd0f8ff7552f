// oplog/append/*: producers that put entries into one order. Whoever finds the ring full empties
// it, as a log does that has no thread of its own; nobody looks at what was in it.

#include <concurrentqueue/concurrentqueue.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "bench/rate.h"
#include "bench/row.h"
#include "dr/log/operation_log.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace bench {
namespace {

constexpr std::uint64_t kCapacity = 4096;
constexpr int kCalls = 512;  // between two looks at the clock

using dr::LogEntry;
using dr::Lsn;

/// One producer's entries. Never more than the ring has can be under way, so it may go round.
struct Entries {
  std::vector<LogEntry> entries = std::vector<LogEntry>(kCapacity);
  std::uint64_t next = 0;
  LogEntry& Next() { return entries[next++ % kCapacity]; }
};

class RingSink final : public dr::LogSink {
 public:
  void Bind(dr::OperationLog& log) override { log_ = &log; }
  absl::Status MakeRoom(std::uint64_t, const dr::Context&) override {
    std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock()) {
      std::this_thread::yield();
      return absl::OkStatus();
    }
    const Lsn last = log_->last();
    for (Lsn lsn = dr::Next(log_->staged()); lsn <= last; lsn = dr::Next(lsn)) {
      log_->AwaitEntry(lsn);
    }
    log_->Release(last);
    log_->Allow({last.value + kCapacity});
    return absl::OkStatus();
  }
  absl::Status Admit(std::size_t, const dr::Context&) override { return absl::OkStatus(); }
  void Withdraw(std::size_t) override {}
  absl::Status Stage(Lsn, const dr::Context&) override { return absl::OkStatus(); }
  absl::Status Persist(Lsn, const dr::Context&) override { return absl::OkStatus(); }
  Lsn durable() const override { return {}; }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  dr::OperationLog* log_ = nullptr;
  std::mutex mutex_;
};

class DrFront {
 public:
  void Append(int, LogEntry& entry) {
    if (!log_.Append(entry).ok()) std::abort();
  }

 private:
  RingSink sink_;
  dr::OperationLog log_{sink_, {.capacity = kCapacity}};
};

class MutexFront {
 public:
  void Append(int, LogEntry& entry) {
    std::lock_guard lock(mutex_);
    if (count_ == kCapacity) Drain();
    entry.record.lsn = {++last_};
    ring_[count_++] = &entry;
  }

 private:
  void Drain() {
    for (LogEntry*& slot : ring_) slot = nullptr;
    count_ = 0;
  }

  std::mutex mutex_;
  std::vector<LogEntry*> ring_ = std::vector<LogEntry*>(kCapacity);
  std::uint64_t count_ = 0, last_ = 0;
};

/// The limit: a ticket by one fetch-and-add, and a ring. A ticket cannot be given back, so whoever
/// has one must wait for room, which a log may not.
class BareRing {
 public:
  void Append(int, LogEntry& entry) {
    const std::uint64_t ticket = tail_.fetch_add(1, std::memory_order_acq_rel) + 1;
    while (ticket > drained_.load(std::memory_order_acquire) + kCapacity) Drain(ticket);
    entry.record.lsn = {ticket};
    ring_[ticket % kCapacity].store(&entry, std::memory_order_release);
  }

 private:
  void Drain(std::uint64_t ticket) {
    std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock()) return std::this_thread::yield();
    const std::uint64_t start = drained_.load(std::memory_order_relaxed);
    if (ticket <= start + kCapacity) return;  // somebody else has made room
    for (std::uint64_t at = start + 1; at <= start + kCapacity; ++at) {
      std::atomic<LogEntry*>& slot = ring_[at % kCapacity];
      while (slot.load(std::memory_order_acquire) == nullptr) std::this_thread::yield();
      slot.store(nullptr, std::memory_order_relaxed);
    }
    drained_.store(start + kCapacity, std::memory_order_release);
  }

  alignas(64) std::atomic<std::uint64_t> tail_ = 0;
  alignas(64) std::atomic<std::uint64_t> drained_ = 0;
  std::vector<std::atomic<LogEntry*>> ring_ = std::vector<std::atomic<LogEntry*>>(kCapacity);
  std::mutex mutex_;
};

/// Each producer has a queue of its own inside: fast, and no order among producers.
class Moodycamel {
 public:
  void Append(int producer, LogEntry& entry) {
    Part& part = parts_[producer];
    queue_.enqueue(part.token, &entry);
    if (++part.count % kCapacity != 0) return;
    for (std::size_t left = kCapacity; left > 0;) {
      left -= queue_.try_dequeue_bulk_from_producer(part.token, part.taken.begin(), left);
    }
  }

 private:
  moodycamel::ConcurrentQueue<LogEntry*> queue_{16 * kCapacity};
  struct Part {
    explicit Part(moodycamel::ConcurrentQueue<LogEntry*>& queue) : token(queue) {}
    moodycamel::ProducerToken token;
    std::uint64_t count = 0;
    std::vector<LogEntry*> taken = std::vector<LogEntry*>(kCapacity);
  };
  std::vector<Part> parts_ = [this] {
    std::vector<Part> parts;
    for (int i = 0; i < 4; ++i) parts.emplace_back(queue_);
    return parts;
  }();
};

// Calls are timed in a part of the round of their own, as looking at the clock costs as much as
// they.
template <class Front>
Round Appends(int producers, double seconds) {
  struct State {
    Front front;
    std::vector<Entries> entries;
    std::vector<std::vector<double>> calls;
  };
  auto state = std::make_shared<State>();
  state->entries.resize(producers);
  state->calls.resize(producers);
  return [=]() -> absl::StatusOr<Measurement> {
    DR_ASSIGN_OR_RETURN(
        double rate,
        Rate(producers, seconds / 2, [&](int producer) -> absl::StatusOr<std::uint64_t> {
          for (int i = 0; i < kCalls; ++i) {
            state->front.Append(producer, state->entries[producer].Next());
          }
          return kCalls;
        }));
    for (auto& calls : state->calls) calls.clear();
    absl::Status timed =
        Rate(producers, seconds / 4, [&](int producer) -> absl::StatusOr<std::uint64_t> {
          LogEntry& entry = state->entries[producer].Next();
          const double begin = Seconds();
          state->front.Append(producer, entry);
          state->calls[producer].push_back(Seconds() - begin);
          return 1;
        }).status();
    DR_RETURN_IF_ERROR(timed);
    std::vector<double> all;
    for (const auto& calls : state->calls) all.insert(all.end(), calls.begin(), calls.end());
    auto p99 = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 100 * 99);
    std::nth_element(all.begin(), p99, all.end());
    return Measurement{rate, *p99 * 1e9};
  };
}

Row AppendRow(int producers, double p99_ns_goal) {
  return {.name = fmt::format("oplog/append/{}", producers),
          .unit = "appends/s",
          .goal = {.peer = 3, .limit = 0.9, .p99_ns = p99_ns_goal},
          .prepare = [producers](Place& place) -> absl::StatusOr<Field> {
            const double seconds = place.round_seconds();
            Field field{.dr = Appends<DrFront>(producers, seconds),
                        .limit = Appends<BareRing>(producers, seconds)};
            field.peers.push_back({"mutex", Appends<MutexFront>(producers, seconds)});
            field.peers.push_back(
                {"moodycamel (no order)", Appends<Moodycamel>(producers, seconds), false});
            return field;
          }};
}

}  // namespace

std::vector<Row> OperationLogRows() {
  return {AppendRow(1, 0), AppendRow(2, 250), AppendRow(4, 0)};
}

}  // namespace bench
