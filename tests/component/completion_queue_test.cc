#include "src/component/completion_queue.h"

#include <catch2/catch.hpp>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/component/gate.h"

namespace dr::test {
namespace {

using Result = absl::StatusOr<Lsn>;

template <typename Done>
std::unique_ptr<Completion> Make(Done done, Result result = Lsn{1}) {
  auto completion = std::make_unique<Completion>();
  completion->done = std::move(done);
  completion->result = std::move(result);
  return completion;
}

TEST_CASE("Each completion is told its own result, once, in the order they were pushed") {
  CompletionQueue queue;
  std::vector<std::uint64_t> told;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    queue.Push(Make([&](Result lsn) { told.push_back(lsn->value); }, Lsn{i}));
  }
  CHECK_FALSE(queue.empty());
  queue.Run();
  queue.Run();
  CHECK(told == std::vector<std::uint64_t>{1, 2, 3});
  CHECK(queue.empty());
}

TEST_CASE("A completion that throws keeps none behind it from being told") {
  CompletionQueue queue;
  int told = 0;
  queue.Push(Make([](Result) { throw std::runtime_error("mine"); }));
  queue.Push(Make([&](Result) { ++told; }));
  queue.Run();
  CHECK(told == 1);
}

TEST_CASE("A completion without a callback is dropped") {
  CompletionQueue queue;
  queue.Push(std::make_unique<Completion>());
  queue.Run();
  CHECK(queue.empty());
}

TEST_CASE("What a completion pushes is told behind it, and its own Run is none") {
  CompletionQueue queue;
  std::vector<int> told;
  queue.Push(Make([&](Result) {
    queue.Push(Make([&](Result) { told.push_back(2); }));
    queue.Run();
    told.push_back(1);
  }));
  queue.Run();
  CHECK(told == std::vector<int>{1, 2});
}

TEST_CASE("The host is woken by each push, and without one when it is asked to be") {
  CompletionQueue queue;
  int woken = 0;
  queue.SetWake([&] { ++woken; });
  queue.Push(Make([](Result) {}));
  queue.Push(Make([](Result) {}));
  queue.Wake();
  CHECK(woken == 3);
  queue.Run();
}

TEST_CASE("A thread that completes is passed by Run and awaited by Finish") {
  CompletionQueue queue;
  Gate gate;
  std::atomic<int> told = 0;
  queue.Push(Make([&](Result) {
    gate.Pass();
    ++told;
  }));
  auto completing = Elsewhere([&] {
    queue.Run();
    return true;
  });
  gate.AwaitReached();
  queue.Push(Make([&](Result) { ++told; }));
  queue.Run();
  CHECK(told == 0);
  auto finishing = Elsewhere([&] {
    queue.Finish();
    return told.load();
  });
  gate.Open();
  CHECK(InTime(finishing) == 2);
  CHECK(InTime(completing));
}

TEST_CASE("Finish within a completion does not wait for itself") {
  CompletionQueue queue;
  int told = 0;
  queue.Push(Make([&](Result) {
    queue.Finish();
    ++told;
  }));
  queue.Push(Make([&](Result) { ++told; }));
  queue.Run();
  CHECK(told == 2);
}

TEST_CASE("A completion that hangs is passed once it is overdue, and tells nothing twice") {
  CompletionQueue queue;
  const auto at = [](int seconds) { return Instant::FromNanoseconds(seconds * 1'000'000'000LL); };
  const std::chrono::seconds deadline(2);
  Gate gate;
  std::atomic<int> behind = 0;
  queue.Push(Make([&](Result) { gate.Pass(); }));
  queue.Push(Make([&](Result) { ++behind; }));
  auto hanging = Elsewhere([&] {
    queue.Run();
    return true;
  });
  gate.AwaitReached();
  CHECK_FALSE(queue.GiveUpOverdue(at(0), deadline));
  CHECK_FALSE(queue.GiveUpOverdue(at(1), deadline));
  CHECK(queue.GiveUpOverdue(at(2), deadline));
  queue.Run();
  CHECK(behind == 1);
  CHECK_FALSE(queue.GiveUpOverdue(at(3), deadline));  // once for each
  gate.Open();
  CHECK(InTime(hanging));
  CHECK(behind == 1);
  queue.Push(Make([&](Result) { ++behind; }));
  queue.Run();
  CHECK(behind == 2);
}

}  // namespace
}  // namespace dr::test
