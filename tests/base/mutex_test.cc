#include "dr/mutex.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <random>
#include <system_error>
#include <thread>
#include <vector>

namespace dr {
namespace {

TEST_CASE("A writer gets in past a stream of readers that never ends by itself") {
  SharedMutex mutex;
  std::atomic<bool> written = false;
  std::atomic<int> inside = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      while (!written) {
        ReaderLock lock(mutex);
        ++inside;
        // Leaves only when another is in, or a writer holds that one up.
        for (int turn = 0; turn < 200 && inside < 2 && !written; ++turn) {
          std::this_thread::sleep_for(std::chrono::microseconds(100));
        }
        --inside;
      }
    });
  }
  while (inside < 2) std::this_thread::yield();
  {
    WriterLock lock(mutex);
    CHECK(inside == 0);
    written = true;
  }
  for (std::thread& reader : readers) reader.join();
}

TEST_CASE("A reader may read again while a writer waits") {
  SharedMutex mutex;
  std::atomic<bool> waiting = false, written = false;
  std::thread writer;
  {
    ReaderLock outer(mutex);
    writer = std::thread([&] {
      waiting = true;
      WriterLock lock(mutex);
      written = true;
    });
    while (!waiting) std::this_thread::yield();
    // Called, because clang's analysis takes a second lock in one function for a mistake.
    const auto read_again = [&] {
      ReaderLock inner(mutex);
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    };
    for (int i = 0; i < 100; ++i) read_again();
    CHECK_FALSE(written);
  }
  writer.join();
  CHECK(written);
}

// Whether it could be locked, which it no longer is then.
bool MayWrite(SharedMutex& mutex, std::chrono::nanoseconds within) {
  if (!mutex.try_lock_for(within)) return false;
  mutex.unlock();
  return true;
}
bool MayRead(SharedMutex& mutex, std::chrono::nanoseconds within) {
  if (!mutex.try_lock_shared_for(within)) return false;
  mutex.unlock_shared();
  return true;
}

TEST_CASE("A lock that is not to be had in time is given up and leaves nothing behind (K86)") {
  SharedMutex mutex;
  std::atomic<bool> locked = false, leave = false;
  std::thread writer([&] {
    WriterLock lock(mutex);
    locked = true;
    while (!leave) std::this_thread::yield();
  });
  while (!locked) std::this_thread::yield();
  CHECK_FALSE(MayRead(mutex, std::chrono::milliseconds(1)));
  CHECK_FALSE(MayWrite(mutex, std::chrono::milliseconds(1)));
  CHECK_FALSE(MayWrite(mutex, std::chrono::nanoseconds(-1)));
  leave = true;
  writer.join();
  CHECK(MayWrite(mutex, std::chrono::nanoseconds(0)));
  CHECK(MayRead(mutex, std::chrono::nanoseconds::max()));
}

TEST_CASE("A writer that gives up lets the readers in that it kept out (K86)") {
  SharedMutex mutex;
  std::atomic<bool> trying = false, given_up = false, read = false;
  std::thread writer, reader;
  {
    ReaderLock lock(mutex);
    writer = std::thread([&] {
      trying = true;
      given_up = !MayWrite(mutex, std::chrono::milliseconds(20));
    });
    while (!trying) std::this_thread::yield();
    reader = std::thread([&] {
      ReaderLock other(mutex);
      read = true;
    });
    while (!read) std::this_thread::yield();
    writer.join();
    CHECK(given_up);
  }
  reader.join();
}

TEST_CASE("A reader gets in between writers that never end by themselves") {
  SharedMutex mutex;
  std::atomic<bool> read = false;
  std::vector<std::thread> writers;
  for (int i = 0; i < 3; ++i) {
    writers.emplace_back([&] {
      while (!read) WriterLock lock(mutex);
    });
  }
  {
    ReaderLock lock(mutex);
    read = true;
  }
  for (std::thread& writer : writers) writer.join();
}

TEST_CASE("A thread knows which locks it has and is not let wait for itself (K5)") {
  SharedMutex one, other;
  CHECK_FALSE(one.HeldByThisThread());
  {
    ReaderLock lock(one);
    CHECK(one.HeldByThisThread());
    CHECK_FALSE(other.HeldByThisThread());
    const auto write = [&] { WriterLock again(one); };
    CHECK_THROWS_AS(write(), std::system_error);
    bool elsewhere = true;
    std::thread([&] { elsewhere = one.HeldByThisThread(); }).join();
    CHECK_FALSE(elsewhere);
  }
  {
    WriterLock lock(one);
    const auto read = [&] { ReaderLock again(one); };
    CHECK_THROWS_AS(read(), std::system_error);
    CHECK(one.HeldByThisThread());
  }
  CHECK_FALSE(one.HeldByThisThread());
  WriterLock lock(one);
}

TEST_CASE("Timed and patient readers and writers share one mutex and none is lost (K86)") {
  SharedMutex mutex;
  int value = 0;  // by writers alone
  std::atomic<int> written = 0;
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 6; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937 random(seed);
      for (int i = 0; i < 2000; ++i) {
        const std::chrono::microseconds time(random() % 50);
        switch (random() % 4) {
          case 0: {
            WriterLock lock(mutex);
            ++value, ++written;
            break;
          }
          case 1:
            if (mutex.try_lock_for(time)) {
              ++value, ++written;
              mutex.unlock();
            }
            break;
          case 2: {
            ReaderLock lock(mutex);
            if (value > written) std::abort();
            break;
          }
          default:
            MayRead(mutex, time);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(value == written);
}

}  // namespace
}  // namespace dr
