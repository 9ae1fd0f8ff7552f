#include "src/log/segment_work.h"

#include "src/base/assert.h"

namespace dr::inline v0 {

void SegmentWork::Begin(Step step) {
  DR_ASSERT(step_ == Step::kNone && step != Step::kNone);
  step_ = step;
}

void SegmentWork::End(Step step) {
  DR_ASSERT(step_ == step);
  step_ = Step::kNone;
}

void SegmentWork::BeginTrim() {
  DR_ASSERT(!trimming_);
  trimming_ = true;
}

void SegmentWork::EndTrim() {
  DR_ASSERT(trimming_);
  trimming_ = false;
}

}  // namespace dr::inline v0
