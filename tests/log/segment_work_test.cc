#include "src/log/segment_work.h"

#include <catch2/catch.hpp>

#include "tests/support/fails_assertion.h"

namespace dr::test {
namespace {

using Step = SegmentWork::Step;

TEST_CASE("one thread prepares or rotates, and what it does can be told") {
  SegmentWork work;
  CHECK(work.CanPrepare());
  for (const Step step : {Step::kPreparingLive, Step::kPreparingSpare, Step::kRotating}) {
    work.Begin(step);
    CHECK_FALSE(work.CanPrepare());
    CHECK(work.rotating() == (step == Step::kRotating));
    CHECK(work.preparing() == (step != Step::kRotating));
    CHECK(work.preparing_live() == (step == Step::kPreparingLive));
    CHECK(FailsAssertion("step_ == Step::kNone", [&] { work.Begin(Step::kPreparingSpare); }));
    work.End(step);
  }
  CHECK(work.CanPrepare());
  CHECK(FailsAssertion("step_ == step", [&] { work.End(Step::kRotating); }));
}

TEST_CASE("a trim runs beside both, but not beside another") {
  SegmentWork work;
  work.Begin(Step::kRotating);
  work.BeginTrim();
  CHECK(work.trimming());
  CHECK(FailsAssertion("!trimming_", [&] { work.BeginTrim(); }));
  work.EndTrim();
  CHECK_FALSE(work.trimming());
  CHECK(work.rotating());
  CHECK(FailsAssertion("trimming_", [&] { work.EndTrim(); }));
}

}  // namespace
}  // namespace dr::test
