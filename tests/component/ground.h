// What a host gives its components, without a host.
#pragma once

#include <chrono>

#include "src/component/component_core.h"
#include "tests/component/fake_log.h"
#include "tests/host/recording.h"

namespace dr::test {

struct Ground {
  explicit Ground(FakeLog::Syncs syncs = FakeLog::Syncs::kAtOnce, std::size_t capacity = 64)
      : log(syncs, capacity) {}

  FakeLog log;
  SystemClock clock;
  Recording events;
  Runtime runtime{.log = log.log,
                  .clock = clock,
                  .observer = &events,
                  .callback_deadline = std::chrono::seconds(30)};
};

/// A component with its ground, while it lives.
class Attached {
 public:
  Attached(const StatefulComponent& component, Ground& ground)
      : core_(ComponentCore::Share(component)) {
    static_cast<void>(core_->Claim());
    core_->Attach(ground.runtime);
  }
  ~Attached() {
    static_cast<void>(core_->Close({}));
    core_->Detach();
    core_->attachment().runtime().completions.Finish();
  }
  Attached(const Attached&) = delete;
  Attached& operator=(const Attached&) = delete;
  ComponentCore& operator*() const { return *core_; }
  ComponentCore* operator->() const { return core_.get(); }

 private:
  const std::shared_ptr<ComponentCore> core_;
};

}  // namespace dr::test
