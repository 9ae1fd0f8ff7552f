// Commits for coroutines.
//
//   Task Inventory::AddSoon(std::string item) {
//     auto commit = dr::AwaitCommit(
//         [&](auto done) { CommitAsync(item, options_, std::move(done)); });
//     absl::StatusOr<dr::Lsn> lsn = co_await commit;       // durable and applied
//   }
//
// The coroutine goes on where the completion runs: on the host's thread after Start, or in Step.
// Name the awaitable and its options, as above: g++ 12 destroys temporaries of braced structs twice
// inside a co_await expression.
#pragma once

#include <coroutine>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "dr/types.h"

namespace dr::inline v0 {

/// A commit that begins when it is awaited, once, by one coroutine. It outlives the suspension, as
/// a local of the coroutine does; a coroutine that is suspended in it is not destroyed, since its
/// commit cannot be taken back.
class CommitAwaitable {
 public:
  /// What CommitAsync takes as `done`.
  using Done = absl::AnyInvocable<void(absl::StatusOr<Lsn>) &&>;

  /// `start` is called when it is awaited, and calls its argument once, on any thread.
  explicit CommitAwaitable(absl::AnyInvocable<void(Done) &&> start) : start_(std::move(start)) {}

  /// Never: the commit begins when it is awaited.
  bool await_ready() const { return false; }
  /// Starts the commit; the coroutine goes on where CommitAsync calls `done`.
  void await_suspend(std::coroutine_handle<> waiting) {
    // The coroutine may go on, and this object end, before the call returns.
    auto start = std::move(start_);
    std::move(start)([this, waiting](absl::StatusOr<Lsn> result) {
      result_ = std::move(result);
      waiting.resume();
    });
  }
  /// What Commit would return.
  absl::StatusOr<Lsn> await_resume() { return std::move(result_); }

 private:
  absl::AnyInvocable<void(Done) &&> start_;
  absl::StatusOr<Lsn> result_;
};

/// `start` hands its argument to CommitAsync as `done`.
template <typename Start>
CommitAwaitable AwaitCommit(Start start) {
  return CommitAwaitable(std::move(start));
}

}  // namespace dr::inline v0
