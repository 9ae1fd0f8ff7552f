// A log whose positions are the test's. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>

#include "dr/clock.h"
#include "dr/log/operation_log.h"
#include "dr/mutex.h"
#include "dr/status.h"

namespace dr::test {

/// Keeps nothing. What is staged is durable at once, or where the test says so.
class FakeLog final : public LogSink {
 public:
  enum class Syncs : std::uint8_t { kAtOnce, kByHand };

  explicit FakeLog(Syncs syncs = Syncs::kAtOnce, std::size_t capacity = 64)
      : syncs_(syncs), log(*this, {.capacity = capacity}) {}

  /// Everything up to `lsn` is durable.
  void SetDurable(Lsn lsn) { durable_.store(lsn.value); }
  /// No more Lsns from now on; appends find no room until their contexts end.
  void Fill() {
    full_.store(true);
    log.Close();
  }
  void Empty() { full_.store(false); }
  /// Takes nothing more and syncs nothing more.
  void End(absl::Status why) {
    MutexLock lock(mutex_);
    ended_ = std::move(why);
    log.Close();
  }

  void Bind(OperationLog&) override {}
  absl::Status MakeRoom(std::uint64_t, const Context& context) override {
    while (full_.load()) {
      absl::Status waits = CheckContext(context, clock_, "room");
      if (!waits.ok()) return waits;
      std::this_thread::yield();
    }
    if (absl::Status ended = status(); !ended.ok()) return ended;
    log.Allow({log.staged().value + log.capacity()});
    return absl::OkStatus();
  }
  absl::Status Admit(std::size_t, const Context&) override { return status(); }
  void Withdraw(std::size_t) override {}
  absl::Status Stage(Lsn, const Context&) override {
    MutexLock lock(mutex_);
    const Lsn last = log.last();
    for (Lsn lsn = Next(log.staged()); lsn <= last; lsn = Next(lsn)) log.AwaitEntry(lsn);
    log.Release(last);
    return absl::OkStatus();
  }
  absl::Status Persist(Lsn upto, const Context& context) override {
    while (durable() < upto) {
      if (absl::Status ended = status(); !ended.ok()) return ended;
      if (!CheckContext(context, clock_, "").ok()) return absl::UnknownError("not yet durable");
      if (syncs_ == Syncs::kByHand) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        continue;
      }
      if (absl::Status staged = Stage(upto, context); !staged.ok()) return staged;
      SetDurable(log.staged());
    }
    return absl::OkStatus();
  }
  Lsn durable() const override { return {durable_.load()}; }
  absl::Status status() const override {
    MutexLock lock(mutex_);
    return ended_;
  }

 private:
  const Syncs syncs_;
  const SystemClock clock_;
  std::atomic<std::uint64_t> durable_ = 0;
  std::atomic<bool> full_ = false;
  mutable Mutex mutex_;
  absl::Status ended_ ABSL_GUARDED_BY(mutex_);

 public:
  OperationLog log;  ///< behind all that its constructor's Bind could use
};

/// A context that has ended.
inline Context AtOnce() { return {.deadline = Instant::FromNanoseconds(0)}; }
inline Context Within(std::chrono::milliseconds time) {
  return {.deadline = SystemClock().Now() + time};
}

}  // namespace dr::test
