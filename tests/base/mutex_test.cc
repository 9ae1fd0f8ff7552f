#include "dr/mutex.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
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

}  // namespace
}  // namespace dr
