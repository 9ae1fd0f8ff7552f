// A bounded number of connections, each used by one caller at a time.
//
//   dr::ConnectionPool<Session> pool(4, clock, [&](const dr::Context& c) { return Dial(c); });
//   auto session = pool.Take(context);              // idle, or new, or waits for one
//   if (!session.ok()) return session.status();
//   if (!(*session)->Ask(…).ok()) session->Discard();   // of unknown state: nobody gets it again
#pragma once

#include <cstddef>
#include <functional>
#include <iterator>
#include <list>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/adapter/permits.h"
#include "dr/clock.h"
#include "dr/mutex.h"
#include "dr/types.h"

namespace dr::inline v0 {

/// Thread-safe. Outlives what it hands out. Returning a connection needs no memory, so no place is
/// ever lost. An exception that passes a Lease returns its connection, so a connection whose use
/// was cut short must show that to the next caller.
template <typename Connection>
class ConnectionPool {
  // One connection, or none, in a node that moves between a lease and the list of idle ones.
  using Place = std::list<std::unique_ptr<Connection>>;

 public:
  /// Makes a connection, within the context.
  using Dial = std::function<absl::StatusOr<std::unique_ptr<Connection>>(const Context& context)>;

  /// A connection, which is returned to the pool when this is destroyed.
  class Lease {
   public:
    /// Moved, not copied; the other one has nothing to give back.
    Lease(Lease&& other) noexcept = default;
    /// The two change places.
    Lease& operator=(Lease&& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(permit_, other.permit_);
      place_.swap(other.place_);
      return *this;
    }
    ~Lease() { pool_->Keep(place_); }
    /// Not after Discard.
    Connection& operator*() const { return *place_.front(); }
    /// Not after Discard.
    Connection* operator->() const { return place_.front().get(); }
    /// Closes it. After an error it is not known what the next answer on it belongs to.
    void Discard() { place_.clear(); }

   private:
    friend class ConnectionPool;
    Lease(ConnectionPool& pool, Permits::Permit permit)
        : pool_(&pool), permit_(std::move(permit)) {}

    ConnectionPool* pool_;
    Permits::Permit permit_;  // goes after the connection is back among the idle
    Place place_;
  };

  /// At most `max` connections (at least 1) at a time. The clock outlives the pool.
  ConnectionPool(std::size_t max, const Clock& clock, Dial dial)
      : permits_(max), clock_(clock), dial_(std::move(dial)) {}

  /// Waits while all are taken. If none is idle it dials, without holding up other callers.
  absl::StatusOr<Lease> Take(const Context& context) {
    absl::StatusOr<Permits::Permit> permit = permits_.Take(context, clock_, "a free connection");
    if (!permit.ok()) return permit.status();
    Lease lease(*this, *std::move(permit));
    TakeIdle(lease.place_);
    if (!lease.place_.empty()) return lease;
    absl::StatusOr<std::unique_ptr<Connection>> dialed = dial_(context);
    if (!dialed.ok()) return dialed.status();
    lease.place_.push_back(*std::move(dialed));
    return lease;
  }
  /// Closes idle connections: after a fail-over, say.
  void CloseIdle() {
    Place closed;  // without the lock: closing may say goodbye to a server
    MutexLock lock(mutex_);
    closed.swap(idle_);
  }

 private:
  void TakeIdle(Place& place) {
    MutexLock lock(mutex_);
    if (!idle_.empty()) place.splice(place.end(), idle_, std::prev(idle_.end()));  // the warmest
  }
  void Keep(Place& place) {
    MutexLock lock(mutex_);
    idle_.splice(idle_.end(), place);
  }

  Permits permits_;
  const Clock& clock_;
  const Dial dial_;
  Mutex mutex_;
  Place idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dr::inline v0
