// Whether this thread has the order of a component: it calls no observer then.
#pragma once

namespace dr::inline v0 {

/// While it lives its thread holds a component's order. No observer is called on it meanwhile: the
/// observer may wait for a thread that waits for the order.
class HoldingOrder {
 public:
  HoldingOrder() { ++Count(); }
  ~HoldingOrder() { --Count(); }
  HoldingOrder(const HoldingOrder&) = delete;
  HoldingOrder& operator=(const HoldingOrder&) = delete;
  static bool Any() { return Count() > 0; }

 private:
  static int& Count() {
    static thread_local int count = 0;
    return count;
  }
};

}  // namespace dr::inline v0
