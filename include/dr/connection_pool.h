// A bounded number of connections, each in one hand at a time.
//
//   dr::ConnectionPool<Session> pool(4, clock, [&](const dr::Context& c) { return Dial(c); });
//   auto session = pool.Take(context);              // idle, or new, or waits for one
//   if (!session.ok()) return session.status();
//   if (!(*session)->Ask(…).ok()) session->Discard();   // of unknown state: nobody gets it again
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/clock.h"
#include "dr/mutex.h"
#include "dr/status.h"
#include "dr/types.h"

namespace dr::inline v0 {

/// Thread-safe. Outlives what it hands out.
template <typename Connection>
class ConnectionPool {
 public:
  using Dial = std::function<absl::StatusOr<std::unique_ptr<Connection>>(const Context& context)>;

  /// A connection, given back when this goes.
  class Lease {
   public:
    Lease(ConnectionPool& pool, std::unique_ptr<Connection> connection)
        : pool_(&pool), connection_(std::move(connection)) {}
    Lease(Lease&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), connection_(std::move(other.connection_)) {}
    Lease& operator=(Lease&& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(connection_, other.connection_);
      return *this;
    }
    ~Lease() {
      if (pool_ != nullptr) pool_->GiveBack(std::move(connection_));
    }
    Connection& operator*() const { return *connection_; }
    Connection* operator->() const { return connection_.get(); }
    /// Closes it: after an error nobody knows what the next answer on it belongs to.
    void Discard() { connection_.reset(); }

   private:
    ConnectionPool* pool_;
    std::unique_ptr<Connection> connection_;
  };

  /// At most `max` (at least 1) at a time. The clock outlives the pool.
  ConnectionPool(std::size_t max, const Clock& clock, Dial dial)
      : max_(max), clock_(clock), dial_(std::move(dial)) {}

  /// Waits while all are taken; dials, without holding up others, when none is idle.
  absl::StatusOr<Lease> Take(const Context& context) {
    std::unique_ptr<Connection> idle;
    if (absl::Status waited = AwaitTurn(context, idle); !waited.ok()) return waited;
    if (idle != nullptr) return Lease(*this, std::move(idle));
    absl::StatusOr<std::unique_ptr<Connection>> dialed = dial_(context);
    if (dialed.ok()) return Lease(*this, *std::move(dialed));
    GiveBack(nullptr);
    return dialed.status();
  }
  /// Closes what is idle: after a fail-over, say.
  void CloseIdle() {
    MutexLock lock(mutex_);
    idle_.clear();
  }

 private:
  static constexpr std::chrono::nanoseconds kLook = std::chrono::milliseconds(10);

  absl::Status AwaitTurn(const Context& context, std::unique_ptr<Connection>& idle) {
    MutexLock lock(mutex_);
    for (;;) {
      if (absl::Status s = CheckContext(context, clock_, "a free connection"); !s.ok()) return s;
      if (taken_ < max_) break;
      const std::chrono::nanoseconds left =
          context.deadline.is_never() ? kLook : context.deadline - clock_.Now();
      returned_.WaitFor(mutex_, std::clamp(left, std::chrono::nanoseconds(1), kLook));
    }
    ++taken_;
    if (!idle_.empty()) {
      idle = std::move(idle_.back());  // the warmest
      idle_.pop_back();
    }
    return absl::OkStatus();
  }
  void GiveBack(std::unique_ptr<Connection> connection) {
    MutexLock lock(mutex_);
    --taken_;
    if (connection != nullptr) idle_.push_back(std::move(connection));
    returned_.NotifyOne();
  }

  const std::size_t max_;
  const Clock& clock_;
  const Dial dial_;
  Mutex mutex_;
  CondVar returned_;
  std::size_t taken_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::unique_ptr<Connection>> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dr::inline v0
