#include "src/component/callback_watch.h"

#include <catch2/catch.hpp>
#include <optional>
#include <string_view>

namespace dr::test {
namespace {

constexpr std::chrono::milliseconds kDeadline(1000);

Instant At(int ms) { return Instant::FromNanoseconds(ms * 1'000'000LL); }

TEST_CASE("a stop of the process counts as two looks of the watch at most (K92)") {
  CallbackWatch watch;
  CallbackWatch::Inside inside(watch, "Apply");
  CHECK(watch.Overdue(At(0), kDeadline) == nullptr);
  CHECK(watch.Overdue(At(250), kDeadline) == nullptr);
  CHECK(watch.Overdue(At(100'000), kDeadline) == nullptr);  // counts 500
  inside.Progress();
  CHECK(watch.Overdue(At(100'001), kDeadline) == nullptr);
  CHECK(watch.Overdue(At(100'251), kDeadline) == nullptr);
  CHECK(watch.Overdue(At(100'501), kDeadline) == nullptr);
  CHECK(watch.Overdue(At(100'751), kDeadline) == nullptr);
  CHECK(watch.Overdue(At(101'001), kDeadline) == std::string_view("Apply"));
  CHECK(watch.Overdue(At(101'251), kDeadline) == nullptr);  // told
}

TEST_CASE("A callback that begins long after anybody looked is given its whole time") {
  CallbackWatch watch;
  CHECK(watch.Overdue(At(0), kDeadline) == nullptr);
  CallbackWatch::Inside inside(watch, "view");
  CHECK(watch.Overdue(At(10'000), kDeadline) == nullptr);
  CHECK(watch.Overdue(At(11'000), kDeadline) == nullptr);
  CHECK(watch.Overdue(At(12'000), kDeadline) == std::string_view("view"));
}

TEST_CASE("The time that a callback spends outside is not its own") {
  CallbackWatch watch;
  CallbackWatch::Inside inside(watch, "view");
  CHECK(watch.Overdue(At(0), kDeadline) == nullptr);
  inside.Leave();
  for (int ms = 250; ms <= 5000; ms += 250) CHECK(watch.Overdue(At(ms), kDeadline) == nullptr);
  inside.Enter();
  CHECK(watch.Overdue(At(5'250), kDeadline) == nullptr);
  CHECK(watch.Overdue(At(5'750), kDeadline) == nullptr);
  CHECK(watch.Overdue(At(6'250), kDeadline) == std::string_view("view"));
}

TEST_CASE("A callback that was given up and comes back does not end the watch of the next") {
  CallbackWatch watch;
  std::optional<CallbackWatch::Inside> given_up;
  given_up.emplace(watch, "first");
  CallbackWatch::Inside second(watch, "second");
  given_up.reset();
  CHECK(watch.Overdue(At(0), kDeadline) == nullptr);
  CHECK(watch.Overdue(At(500), kDeadline) == nullptr);
  CHECK(watch.Overdue(At(1'000), kDeadline) == std::string_view("second"));
}

}  // namespace
}  // namespace dr::test
