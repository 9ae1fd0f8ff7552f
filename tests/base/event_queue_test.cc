#include "src/base/event_queue.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

namespace dr {
namespace {

/// Stays in its first event for as long as the test wants.
struct SlowObserver final : Observer {
  void OnEvent(const Event& event) noexcept override {
    entered = true;
    entered.notify_all();
    if (kinds.empty()) held.wait(true);
    kinds.push_back(event.kind);
  }
  std::atomic<bool> entered = false, held = true;
  std::vector<EventKind> kinds;
};

TEST_CASE("events are told one after the other in the order in which they were added (K94)") {
  SlowObserver observer;
  EventQueue events(&observer);
  events.Add({.kind = EventKind::kNoSpace}, "none");
  std::thread telling([&] { events.Deliver(); });
  observer.entered.wait(false);
  events.Add({.kind = EventKind::kSpaceBack}, "some");
  events.Deliver();  // leaves it to the thread that is telling, and does not wait for that
  observer.held = false;
  observer.held.notify_all();
  telling.join();
  CHECK(observer.kinds == std::vector{EventKind::kNoSpace, EventKind::kSpaceBack});
}

TEST_CASE("an observer is called without a lock of the queue and may add to it (K85)") {
  struct Adding final : Observer {
    void OnEvent(const Event& event) noexcept override {
      ++told;
      if (event.kind != EventKind::kNoSpace) return;
      events->Add({.kind = EventKind::kSpaceBack}, "");
      events->Deliver();
    }
    EventQueue* events = nullptr;
    int told = 0;
  } observer;
  EventQueue events(&observer);
  observer.events = &events;
  events.Add({.kind = EventKind::kNoSpace}, "");
  events.Deliver();
  CHECK(observer.told == 2);
}

TEST_CASE("without an observer events are dropped") {
  EventQueue events(nullptr);
  events.Add({.kind = EventKind::kNoSpace}, "");
  events.Deliver();
}

}  // namespace
}  // namespace dr
