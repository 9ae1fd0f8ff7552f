#include "src/component/joint_freeze.h"

#include <atomic>
#include <deque>
#include <memory>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "src/base/assert.h"
#include "src/base/out_of_memory.h"

namespace dr::inline v0 {
namespace {

/// Several components at one position, until each is frozen there. Their orders are left to it, one
/// part each.
class Cut {
 public:
  Cut(std::span<const FreezeRequest> requests, Lsn position, Instant since)
      : position_(position), since_(since) {
    for (const FreezeRequest& request : requests) parts_.emplace_back(*this, request);
  }

  static void TakeOrders(const std::shared_ptr<Cut>& cut, std::deque<CommitOrder::Hold>& orders) {
    for (std::size_t i = 0; i < orders.size(); ++i) {
      orders[i].LeaveTo(std::shared_ptr<OrderTask>(cut, &cut->parts_[i]));
    }
  }
  /// All components as they were at the position: freezes those that no other thread freezes, and
  /// waits for the rest.
  absl::StatusOr<std::vector<Frozen>> Gather(const Context& context);
  /// What has not been frozen need not be any more.
  void End();

 private:
  class Part final : public OrderTask {
   public:
    Part(Cut& cut, const FreezeRequest& request)
        : cut_(cut), core_(*request.component), previous_(request.previous) {}
    bool Run(const Context& context) noexcept override;
    bool wanted() const override { return !cut_.ended_.load(); }
    absl::StatusOr<Frozen> Await(const Context& context);
    void End();

   private:
    void Deliver(absl::StatusOr<Frozen> frozen);

    Cut& cut_;
    ComponentCore& core_;
    const std::optional<Lsn> previous_;
    std::optional<absl::StatusOr<Frozen>> frozen_ ABSL_GUARDED_BY(cut_.mutex_);
  };

  const Lsn position_;
  const Instant since_;
  std::deque<Part> parts_;
  std::atomic<bool> ended_ = false;
  Mutex mutex_;
  CondVar delivered_;
};

// Where the context ends before there is an outcome, the part is left to another thread.
bool Cut::Part::Run(const Context& context) noexcept {
  absl::StatusOr<Frozen> frozen = WithinMemory([&] { return Freeze(core_, previous_, context); });
  const bool late =
      !frozen.ok() && !core_.has_failed() && core_.attachment().waits().HasEnded(context);
  if (!late) Deliver(std::move(frozen));
  return !late;
}

void Cut::Part::Deliver(absl::StatusOr<Frozen> frozen) {
  if (frozen.ok()) {
    DR_ASSERT(frozen->as_of <= cut_.position_ || !frozen->changed);
    frozen->as_of = cut_.position_;
    frozen->pause = core_.attachment().runtime().clock.Now() - cut_.since_;
  }
  MutexLock lock(cut_.mutex_);
  DR_ASSERT(!frozen_.has_value());
  if (wanted()) frozen_.emplace(std::move(frozen));
  cut_.delivered_.NotifyAll();
}

absl::StatusOr<Frozen> Cut::Part::Await(const Context& context) {
  Attachment& attachment = core_.attachment();
  for (;;) {
    attachment.order().Help(*this, context);
    MutexLock lock(cut_.mutex_);
    if (frozen_.has_value()) return *std::move(frozen_);
    DR_RETURN_IF_ERROR(core_.failure());
    DR_RETURN_IF_ERROR(
        CheckContext(context, attachment.runtime().clock, "freezing component " + core_.id()));
    attachment.waits().WaitASlice(cut_.delivered_, cut_.mutex_, context);
  }
}

// A view that nobody gets is destroyed here, where no lock is held.
void Cut::Part::End() {
  core_.attachment().order().Drop(*this);
  std::optional<absl::StatusOr<Frozen>> unused;
  MutexLock lock(cut_.mutex_);
  unused.swap(frozen_);
}

absl::StatusOr<std::vector<Frozen>> Cut::Gather(const Context& context) {
  std::vector<Frozen> all;
  for (Part& part : parts_) {
    DR_ASSIGN_OR_RETURN(all.emplace_back(), part.Await(context));
  }
  return all;
}

void Cut::End() {
  ended_.store(true);
  for (Part& part : parts_) part.End();
}

/// When it ends, nothing is left to the cut any more.
class EndOfCut {
 public:
  explicit EndOfCut(Cut& cut) : cut_(cut) {}
  ~EndOfCut() { cut_.End(); }
  EndOfCut(const EndOfCut&) = delete;
  EndOfCut& operator=(const EndOfCut&) = delete;

 private:
  Cut& cut_;
};

absl::StatusOr<std::shared_ptr<Cut>> BeginCut(std::span<const FreezeRequest> requests,
                                              const Context& context) {
  const Runtime& runtime = requests.front().component->attachment().runtime();
  const Instant start = runtime.clock.Now();
  std::deque<CommitOrder::Hold> orders;
  std::vector<Lsn> before;
  for (const FreezeRequest& request : requests) {
    CommitOrder::Hold& order = orders.emplace_back(request.component->attachment().order());
    DR_ASSIGN_OR_RETURN(before.emplace_back(), order.Acquire(context));
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    Applier& applier = requests[i].component->attachment().applier();
    DR_RETURN_IF_ERROR(applier.AwaitEarlier(before[i], context));
  }
  const auto cut = std::make_shared<Cut>(requests, runtime.log.last(), start);
  Cut::TakeOrders(cut, orders);
  return cut;
}

/// When it ends, where no order is held any more, the observer is told what is due.
class NoticesAtEnd {
 public:
  explicit NoticesAtEnd(std::span<const FreezeRequest> requests) : requests_(requests) {}
  ~NoticesAtEnd() {
    for (const FreezeRequest& request : requests_) {
      request.component->attachment().waits().NotifyDue();
    }
  }
  NoticesAtEnd(const NoticesAtEnd&) = delete;
  NoticesAtEnd& operator=(const NoticesAtEnd&) = delete;

 private:
  const std::span<const FreezeRequest> requests_;
};

}  // namespace

absl::StatusOr<std::vector<Frozen>> FreezeTogether(std::span<const FreezeRequest> requests,
                                                   const Context& context) {
  if (requests.empty()) return std::vector<Frozen>();
  const NoticesAtEnd notices(requests);
  DR_ASSIGN_OR_RETURN(const std::shared_ptr<Cut> cut, BeginCut(requests, context));
  const EndOfCut end(*cut);
  return cut->Gather(context);
}

}  // namespace dr::inline v0
