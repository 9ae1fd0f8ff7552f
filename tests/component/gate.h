// Where a thread of a test stays until the test lets it go on, and threads that end in time.
#pragma once

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <utility>

namespace dr::test {

/// For a callback. Open for good once it was opened.
class Gate {
 public:
  ~Gate() { Open(); }
  void Pass() {
    reached_ = true;
    reached_.notify_all();
    open_.wait(false);
  }
  void AwaitReached() const { reached_.wait(false); }
  void Open() {
    open_ = true;
    open_.notify_all();
  }

 private:
  std::atomic<bool> reached_ = false, open_ = false;
};

template <typename Work>
auto Elsewhere(Work work) {
  return std::async(std::launch::async, std::move(work));
}
/// What takes milliseconds is given 20 seconds.
template <typename T>
T InTime(std::future<T>& result) {
  REQUIRE(result.wait_for(std::chrono::seconds(20)) == std::future_status::ready);
  return result.get();
}

}  // namespace dr::test
