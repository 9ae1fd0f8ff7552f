#include "src/base/intrusive_queue.h"

#include <catch2/catch.hpp>
#include <memory>

namespace dr {
namespace {

struct Link {
  explicit Link(int number, int& living) : number(number), living(living) { ++living; }
  ~Link() { --living; }
  const int number;
  int& living;
  Link* next = nullptr;
};

TEST_CASE("What was pushed first is popped first, and what is left goes with the queue") {
  int living = 0;
  {
    IntrusiveQueue<Link> queue;
    CHECK(queue.Pop() == nullptr);
    for (int i = 0; i < 3; ++i) queue.Push(std::make_unique<Link>(i, living));
    CHECK(queue.size() == 3);
    CHECK(queue.front()->number == 0);
    CHECK(queue.Pop()->number == 0);
    CHECK(queue.Pop()->number == 1);
    CHECK(living == 1);
  }
  CHECK(living == 0);
}

TEST_CASE("A queue takes over another one whole, and the other one can be filled again") {
  int living = 0;
  IntrusiveQueue<Link> first, second;
  first.Append(second);
  CHECK(first.empty());
  second.Push(std::make_unique<Link>(1, living));
  second.Push(std::make_unique<Link>(2, living));
  first.Append(second);
  CHECK(second.empty());
  CHECK(second.size() == 0);
  second.Push(std::make_unique<Link>(3, living));
  first.Append(second);
  IntrusiveQueue<Link> moved(std::move(first));
  for (int i = 1; i <= 3; ++i) CHECK(moved.Pop()->number == i);
  CHECK(moved.empty());
  CHECK(living == 0);
}

}  // namespace
}  // namespace dr
