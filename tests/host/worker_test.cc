#include "src/host/worker.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

namespace dr::test {
namespace {

void Await(const std::atomic<int>& count, int at_least) {
  while (count < at_least) std::this_thread::yield();
}

TEST_CASE("A worker does nothing before it is woken, and works once for each time it is due") {
  const SystemClock clock;
  std::atomic<int> done = 0;
  Worker worker("test", clock);
  REQUIRE(worker
              .Start([&] {
                ++done;
                return Instant::Never();
              })
              .ok());
  CHECK(done == 0);
  worker.Wake();
  Await(done, 1);
  worker.Wake();
  Await(done, 2);
  REQUIRE(worker.Stop({}).ok());
  worker.Wake();
  CHECK(done == 2);
}

TEST_CASE("A worker that is due again wakes by itself") {
  const SystemClock clock;
  std::atomic<int> done = 0;
  Worker worker("test", clock);
  REQUIRE(worker
              .Start([&] {
                return ++done < 3 ? clock.Now() + std::chrono::milliseconds(1) : Instant::Never();
              })
              .ok());
  worker.Wake();
  Await(done, 3);
  REQUIRE(worker.Stop({}).ok());
  CHECK(done == 3);
}

TEST_CASE("Work that hangs is replaced, and the thread inside it ends when it returns") {
  const SystemClock clock;
  std::atomic<bool> hangs = true;
  std::atomic<int> begun = 0, ended = 0;
  Worker worker("test", clock);
  REQUIRE(worker
              .Start([&] {
                const bool first = ++begun == 1;
                while (first && hangs) std::this_thread::yield();
                ++ended;
                return Instant::Never();
              })
              .ok());
  REQUIRE(worker.Replace().ok());  // nothing to replace
  worker.Wake();
  Await(begun, 1);
  CHECK(worker.working());
  REQUIRE(worker.Replace().ok());
  Await(ended, 1);
  CHECK(begun == 2);
  CHECK(absl::IsDeadlineExceeded(
      worker.Stop({.deadline = clock.Now() + std::chrono::milliseconds(5)})));
  hangs = false;
  REQUIRE(worker.Stop({}).ok());
  CHECK(ended == 2);
}

TEST_CASE("A worker that was stopped may be started again, and no thread of its own can stop it") {
  const SystemClock clock;
  std::atomic<int> done = 0;
  Worker worker("test", clock);
  absl::Status own;
  const auto work = [&] {
    own = worker.Stop({});
    ++done;
    return Instant::Never();
  };
  REQUIRE(worker.Start(work).ok());
  worker.Wake();
  Await(done, 1);
  CHECK(absl::IsFailedPrecondition(own));
  REQUIRE(worker.Stop({}).ok());
  REQUIRE(worker.Start(work).ok());
  worker.Wake();
  Await(done, 2);
  REQUIRE(worker.Stop({}).ok());
}

}  // namespace
}  // namespace dr::test
