#include "src/log/waiter.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <thread>
#include <vector>

#include "tests/support/load_seconds.h"

namespace dr {
namespace {

/// A list as the log has one: changed under a mutex, woken without it.
struct Waiters {
  /// As GroupCommit's wait does it. False: the context ended first.
  bool Wait(const Context& context, const Clock& clock) {
    Waiter waiter({1}, context);
    {
      MutexLock lock(mutex);
      list.Add(waiter);
    }
    if (waiter.Sleep(clock)) return true;
    {
      MutexLock lock(mutex);
      if (waiter.listed()) {
        list.Remove(waiter);
        return false;
      }
    }
    waiter.AwaitWake();
    return false;
  }
  void WakeSome(std::uint64_t dice) {
    WokenWaiters woken;
    {
      MutexLock lock(mutex);
      for (Waiter *waiter = list.first(), *next = nullptr; waiter != nullptr; waiter = next) {
        next = WaiterList::After(*waiter);
        if ((dice >>= 1) % 2 == 0) continue;
        list.Remove(*waiter);
        woken.Add(*waiter);
      }
    }
    std::move(woken).WakeAll();
  }
  Mutex mutex;
  WaiterList list;
};

TEST_CASE("a wait that ends while its wake is under way is woken all the same (K70)") {
  using std::chrono::microseconds;
  const SystemClock clock;
  Waiters waiters;
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> woken = 0, ended = 0;
  std::vector<std::jthread> threads;
  for (std::uint64_t i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937_64 dice(i);
      while (!stop) {
        std::stop_source source;
        Context context{.deadline = clock.Now() + microseconds(dice() % 200)};
        if (dice() % 2 == 0) context.stop = source.get_token();
        std::jthread stopping;
        if (dice() % 16 == 0) stopping = std::jthread([&] { source.request_stop(); });
        ++(waiters.Wait(context, clock) ? woken : ended);
      }
    });
  }
  threads.emplace_back([&] {
    std::mt19937_64 dice(77);
    while (!stop) waiters.WakeSome(dice());
  });
  std::this_thread::sleep_for(test::LoadTime(std::chrono::milliseconds(500)));
  stop = true;
  threads.clear();
  CHECK(woken > 0);
  CHECK(ended > 0);
}

TEST_CASE("a patient waiter needs nothing but its wake") {
  const SystemClock clock;
  Waiters waiters;
  std::atomic<int> done = 0, woken = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      woken += waiters.Wait({}, clock);
      ++done;
    });
  }
  while (done < 4) waiters.WakeSome(~0ULL);
  CHECK(woken == 4);
}

}  // namespace
}  // namespace dr
