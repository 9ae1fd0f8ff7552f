// Which component's callback runs on this thread: a call into dr from there is its mistake.
#pragma once

#include <string_view>
#include <utility>

namespace dr::inline v0 {

struct CallbackFrame {
  std::string_view component = {};  ///< its id
  bool reentered = false;

  /// Of this thread; null outside of callbacks.
  static CallbackFrame*& Current() {
    static thread_local CallbackFrame* current = nullptr;
    return current;
  }
};

/// While it lives the thread is inside a callback.
class CallbackScope {
 public:
  /// `component` is its id, which outlives the scope.
  explicit CallbackScope(std::string_view component) : frame_{component} {
    outer_ = std::exchange(CallbackFrame::Current(), &frame_);
  }
  ~CallbackScope() { CallbackFrame::Current() = outer_; }
  CallbackScope(const CallbackScope&) = delete;
  CallbackScope& operator=(const CallbackScope&) = delete;
  bool reentered() const { return frame_.reentered; }

 private:
  CallbackFrame frame_;
  CallbackFrame* outer_;
};

}  // namespace dr::inline v0
