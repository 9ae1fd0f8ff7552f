#include "src/log/segment_rotation.h"

#include <utility>

#include "dr/status_macros.h"
#include "src/base/assert.h"

namespace dr::inline v0 {

SegmentRotation::SegmentRotation() : footer_(kBlockBytes), first_block_(kBlockBytes) {}

void SegmentRotation::Begin(const SegmentPrefix& prefix, std::uint64_t footer_offset,
                            SegmentFile next) {
  DR_ASSERT(next_.segment.file == nullptr && next.segment.file != nullptr);
  DR_ASSERT(footer_.size() == kBlockBytes && first_block_.size() == kBlockBytes);
  prefix_ = prefix;
  footer_offset_ = footer_offset;
  footer_written_ = false;
  next_ = std::move(next);
}

absl::Status SegmentRotation::Run(const SegmentFiles& files, const NamedFile& ending,
                                  Random& random) {
  if (!footer_written_) {
    DR_ASSIGN_OR_RETURN(prefix_.salt, random.Next());
    EncodePrefixInto(first_block_.span(), prefix_);
    DR_RETURN_IF_ERROR(
        files.WriteAndSync(ending, footer_offset_, {footer_.data(), footer_.size()}));
    footer_written_ = true;
  }
  return files.Activate(next_, prefix_.number, first_block());
}

SegmentFile SegmentRotation::TakeFile() { return std::exchange(next_, {}); }

}  // namespace dr::inline v0
