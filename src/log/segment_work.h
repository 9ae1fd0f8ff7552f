// Who changes, without the log's mutex, which files a log has and how far they are prepared.
#pragma once

#include <cstdint>

#include "src/log/segment_rotation.h"

namespace dr::inline v0 {

/// One thread prepares or rotates at a time; another may trim beside it. Not thread-safe.
class SegmentWork {
 public:
  enum class Step : std::uint8_t { kNone, kPreparingLive, kPreparingSpare, kRotating };

  bool rotating() const { return step_ == Step::kRotating; }
  bool preparing_live() const { return step_ == Step::kPreparingLive; }
  bool preparing() const { return preparing_live() || step_ == Step::kPreparingSpare; }
  /// Nobody changes which files there are, or how far they are prepared.
  bool CanPrepare() const { return step_ == Step::kNone; }
  void Begin(Step step);
  void End(Step step);

  bool trimming() const { return trimming_; }
  void BeginTrim();
  void EndTrim();

  /// While it runs, its thread has moved it out.
  SegmentRotation& rotation() { return rotation_; }

 private:
  Step step_ = Step::kNone;
  bool trimming_ = false;
  SegmentRotation rotation_;
};

}  // namespace dr::inline v0
