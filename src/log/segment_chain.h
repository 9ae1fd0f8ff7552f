// The segments of a log, oldest first: sealed ones, the one that is written, and spares to come.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "src/base/assert.h"
#include "src/log/group_reader.h"
#include "src/log/log_positions.h"
#include "src/log/log_reader.h"
#include "src/log/log_space.h"
#include "src/log/segment_file.h"
#include "src/log/spare_list.h"

namespace dr::inline v0 {

/// The newest segment while it is written.
struct LiveSegment {
  LogSegment segment;
  SegmentFile file;
  std::uint64_t offset = 0;  ///< where the next group goes
};

/// A value without I/O; not thread-safe. Each segment names the one before it as its predecessor.
class SegmentChain {
 public:
  SegmentChain(std::vector<LogSegment> sealed, LiveSegment live, SpareList spares);

  const SegmentPrefix& prefix() const { return live_.segment.prefix; }  ///< of the newest
  const NamedFile& file() const { return live_.file.segment; }
  std::uint64_t prepared_bytes() const { return live_.file.prepared_bytes; }
  std::uint64_t offset() const { return live_.offset; }
  /// Blocks of groups that the newest can take now.
  std::uint64_t LiveBlocks() const { return UsableBlocks(prepared_bytes(), offset()); }
  SpareList& spares() { return spares_; }
  const SpareList& spares() const { return spares_; }

  /// A group of `bytes` takes its place, which is returned, at the end of the newest.
  std::uint64_t Append(std::uint64_t bytes);
  /// Readers may read the newest up to `end`, where a unit ends.
  void MakeReadable(std::uint64_t end);
  /// The newest, of which `prepared_bytes` were prepared, was prepared further.
  void Extend(std::uint64_t prepared_bytes, std::uint64_t added_bytes);
  /// So that the spares, and one more, can become segments without more memory.
  void MakePlaces();
  /// The newest is sealed, as `prefix` says, and `file` follows it. `continues`: inside a record.
  void Enter(const SegmentPrefix& prefix, std::uint64_t prefix_hash, bool continues,
             SegmentFile file);

  /// The oldest segment that holds a part of what is needed from `keep_from` on.
  std::uint64_t NeededFrom(Lsn keep_from) const;
  /// Forgets what is below `number`. False: nothing is.
  bool DropBelow(std::uint64_t number);

  /// What a reader may see of a segment. A fault kWalGap: it was trimmed.
  absl::StatusOr<SegmentExtent> Locate(std::uint64_t number, const LogPositions& positions) const;
  /// The newest segment that begins at or before `from`.
  absl::StatusOr<std::uint64_t> SegmentWith(Lsn from) const;
  std::uint64_t size() const { return sealed_.size() + 1; }
  std::uint64_t bytes() const;

  void Check() const {
    DR_ASSERT(readable_end_ <= live_.offset);
    DR_ASSERT(live_.offset + kBlockBytes <= live_.file.prepared_bytes);  // the footer's block
  }

 private:
  std::vector<LogSegment> sealed_;
  LiveSegment live_;
  std::uint64_t readable_end_;  ///< of the newest
  SpareList spares_;
};

}  // namespace dr::inline v0
