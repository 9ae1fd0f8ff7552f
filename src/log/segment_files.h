// The files of a log directory: their names, and what is done to them.
//
//   0000000000000007.wal    a segment of the log
//   0000000000000009.spare  prepared or recycled space; nothing in it counts
//   HEAD                    the prefix of the newest segment, so that its loss is noticed
//   DURABLE                 how far the log was durable, see durable_mark.h
//   LOCK                    held by the process that writes
//   *.tmp                   unfinished; removed at open
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/environment/file_system.h"
#include "dr/log/segment.h"
#include "src/base/directory_lock.h"
#include "src/log/aligned_buffer.h"
#include "src/log/log_file_name.h"
#include "src/log/segment_file.h"
#include "src/log/spare_list.h"

namespace dr::inline v0 {

inline constexpr std::string_view kHeadName = "HEAD";
inline constexpr std::string_view kLockName = "LOCK";

/// What it means where Directory::OverwriteInPlace says no.
inline constexpr std::string_view kCopiesOnWrite =
    "every write takes new space (copy on write), so that on a full disk even operations for which "
    "the log has prepared its space may have to wait";

LogFileName SegmentName(std::uint64_t number);
std::optional<std::uint64_t> ParseSegmentName(std::string_view name);

/// Thread-safe: what it knows it has found out at open, and it works on what it is given.
class SegmentFiles {
 public:
  /// Takes the lock and finds out whether direct writes work here.
  static absl::StatusOr<std::unique_ptr<SegmentFiles>> Open(Directory& directory,
                                                            std::uint64_t segment_bytes);

  bool direct() const { return path_ == WritePath::kDirect; }
  Directory& directory() const { return directory_; }
  std::uint64_t segment_bytes() const { return segment_bytes_; }

  /// Removes *.tmp and opens the spares that are there, those apart whose space is shared. Once,
  /// before any is made.
  absl::StatusOr<SpareList> AdoptSpares() const;
  /// A new file with its head, and nothing prepared. It counts once it is added.
  absl::StatusOr<SegmentFile> MakeSpare(std::uint64_t number) const;
  /// Writes zeros behind the first `prepared_bytes`, a megabyte at most, and syncs. Returns the
  /// bytes added. May run beside writes to the prepared part.
  absl::StatusOr<std::uint64_t> PrepareChunk(const NamedFile& file,
                                             std::uint64_t prepared_bytes) const;
  /// Gives the file its place in the log. Its first block is written and synced under the spare's
  /// name, with a place for its footer; the name becomes SegmentName(number), and HEAD follows.
  /// Needs no memory. After kResourceExhausted it may be called again, and goes on.
  absl::Status Activate(SegmentFile& file, std::uint64_t number,
                        std::string_view first_block) const;
  /// Makes HEAD name the segment whose first block this is.
  absl::Status WriteHead(std::string_view first_block) const;
  /// Gives back what was prepared behind `bytes` and will never be used.
  absl::Status ReleaseBehind(std::uint64_t number, std::uint64_t bytes) const;
  /// Ends the life of all segments below `number`, oldest first, those included that recovery left
  /// unread: as many whole files as there are numbers become spares, others are removed. The spares
  /// it returns count once they are added.
  absl::StatusOr<std::vector<SegmentFile>> RetireBelow(std::uint64_t number,
                                                       SpareNumbers spares) const;
  /// An error names the file as it is called now. kResourceExhausted only if nothing but the write
  /// was refused, which may then be done again: a failed sync is never that.
  absl::Status WriteAndSync(const NamedFile& file, std::uint64_t offset,
                            std::string_view data) const;
  /// A file that was removed, replaced or cut under the writer would take what follows with it.
  /// `bytes`: all that was prepared; a group has made a file that was cut long enough for itself.
  absl::Status CheckWhole(const NamedFile& file, std::uint64_t bytes) const;

 private:
  SegmentFiles(Directory& directory, std::uint64_t segment_bytes);
  /// Sets aside what is no file under a name that a file of the log will want.
  absl::Status ClearNames() const;
  absl::StatusOr<bool> CanRecycle(File& file, std::uint64_t size) const;
  absl::Status ProbePath();
  absl::StatusOr<NamedFile> OpenForWriting(LogFileName name, Create create) const;
  absl::Status MakeHead(SegmentFile& spare) const;
  /// False: there was no room for its head, and it was removed, which makes room.
  absl::StatusOr<bool> MakeHeadOrRemove(SegmentFile& whole) const;
  absl::Status PlaceHead(NamedFile& head, std::string_view first_block) const;

  Directory& directory_;
  std::uint64_t segment_bytes_;
  WritePath path_ = WritePath::kDirect;
  bool in_place_ = true;  ///< overwriting prepared space needs no new space
  DirectoryLock lock_;
  const AlignedBuffer zeros_;
};

}  // namespace dr::inline v0
