// The step from one segment of a log to the next: footer, prefix, name, HEAD.
#pragma once

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "dr/environment/random.h"
#include "dr/log/segment.h"
#include "src/log/aligned_buffer.h"
#include "src/log/segment_files.h"

namespace dr::inline v0 {

/// A value that its thread moves out of the log's mutex. It has its memory from the start, because
/// a rotation may not fail for want of it.
class SegmentRotation {
 public:
  SegmentRotation();

  /// Where the footer of the segment that ends is encoded before Begin.
  std::span<char> footer() { return footer_.span(); }
  /// `prefix`, all but its salt, is the next segment's; `next` becomes its file.
  void Begin(const SegmentPrefix& prefix, std::uint64_t footer_offset, SegmentFile next);
  /// Writes all of it. After kResourceExhausted it may be called again, and goes on.
  absl::Status Run(const SegmentFiles& files, const NamedFile& ending, Random& random);

  // When it has run.
  const SegmentPrefix& prefix() const { return prefix_; }
  std::uint64_t prefix_hash() const { return PrefixHash(first_block()); }
  SegmentFile TakeFile();

 private:
  std::string_view first_block() const { return {first_block_.data(), first_block_.size()}; }

  AlignedBuffer footer_, first_block_;
  std::uint64_t footer_offset_ = 0;
  bool footer_written_ = false;
  SegmentPrefix prefix_;
  SegmentFile next_;
};

}  // namespace dr::inline v0
