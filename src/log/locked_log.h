// The mutex of a log, and the only way to what is behind it.
//
//   LockedLog log(shared);
//   log->positions.Allow(lsn);
//   absl::Status written = log.Unlocked([&] { return file->Sync(); });   // without the mutex
//
// Whenever the mutex is given back the state is checked, in production too; then those who are to
// be woken, and the observer, learn it without the mutex. What is worked on without it is owned by
// the thread that does: moved out of the state, or a copy.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "dr/clock.h"
#include "dr/mutex.h"
#include "dr/observer.h"
#include "src/base/event_queue.h"
#include "src/base/fork_guard.h"
#include "src/log/log_state.h"

namespace dr::inline v0 {

/// Thread-safe.
class SharedLog {
 public:
  /// `clock` and `observer`, which may be null, outlive it.
  SharedLog(const Clock& clock, Observer* observer, OpenedLog opened, bool direct,
            std::size_t group_bytes)
      : clock_(clock), events_(observer), state_(std::move(opened), direct, group_bytes) {}

  /// In a forked child another thread of the parent may hold the mutex for ever: OK, or refuses it.
  absl::Status InParent() const;
  const Clock& clock() const { return clock_; }
  /// Without the mutex.
  Lsn durable() const { return state_.positions.durable(); }
  /// A look changes nothing, so nobody is woken and no observer is called.
  template <typename Look>
  auto Read(Look look) const {
    MutexLock lock(mutex_);
    return look(state_);
  }
  /// Until `waiter`, which is on the list of those who wait, is woken or its context ends.
  void Rest(Waiter& waiter);

 private:
  friend class LockedLog;

  const Clock& clock_;
  ForkGuard fork_guard_;
  EventQueue events_;
  mutable Mutex mutex_;
  LogState state_;
};

class LockedLog {
 public:
  explicit LockedLog(SharedLog& shared) : shared_(shared) { Lock(); }
  ~LockedLog() { Unlock(); }
  LockedLog(const LockedLog&) = delete;
  LockedLog& operator=(const LockedLog&) = delete;

  LogState* operator->() { return &shared_.state_; }

  /// What `body` returns, which runs without the mutex. What was seen of the state before may be
  /// different afterwards.
  template <typename Body>
  auto Unlocked(Body body) {
    Unlock();
    const Relock relock{*this};
    return body();
  }
  /// For anything to change, or an error: `context` has ended.
  absl::Status Wait(const Context& context);
  const Clock& clock() const { return shared_.clock_; }

  void Notify(Event event, std::string_view text) { shared_.events_.Add(std::move(event), text); }
  /// An attempt has shown that there is room (OK), or that there is none.
  void FoundSpace(const absl::Status& tried);

 private:
  struct Relock {
    ~Relock() { log.Lock(); }
    LockedLog& log;
  };
  void Lock() ABSL_NO_THREAD_SAFETY_ANALYSIS { shared_.mutex_.lock(); }
  void Unlock() ABSL_NO_THREAD_SAFETY_ANALYSIS;

  SharedLog& shared_;
};

}  // namespace dr::inline v0
