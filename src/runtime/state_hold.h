// Who has a component's state at the moment, so that one who never gives it back can be named.
#pragma once

#include <atomic>
#include <cstdint>

namespace dr::inline v0 {

/// While it lives `name` holds the state. Made under the state's lock.
class StateHold {
 public:
  StateHold(std::atomic<const char*>& holder, std::atomic<std::uint64_t>& progress,
            const char* name)
      : holder_(holder), progress_(progress) {
    holder_.store(name, std::memory_order_release);
  }
  ~StateHold() {
    holder_.store(nullptr, std::memory_order_release);
    Progress();
  }
  StateHold(const StateHold&) = delete;
  StateHold& operator=(const StateHold&) = delete;
  void Progress() { progress_.fetch_add(1, std::memory_order_relaxed); }

 private:
  std::atomic<const char*>& holder_;
  std::atomic<std::uint64_t>& progress_;
};

}  // namespace dr::inline v0
