// The files of a log directory: their names, and space that is ready before it is needed.
//
//   0000000000000007.wal    a segment of the log
//   0000000000000009.spare  prepared or recycled space; nothing in it counts
//   HEAD                    the prefix of the newest segment, so that its loss is noticed
//   DURABLE                 how far the log was durable, see durable_mark.h
//   LOCK                    held by the process that writes
//   *.tmp                   unfinished; removed at open
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/file_system.h"
#include "dr/segment.h"
#include "src/base/directory_lock.h"
#include "src/log/log_file_name.h"

namespace dr::inline v0 {

/// Blocks that groups can take from `offset` on: the last prepared one is the footer's.
constexpr std::uint64_t UsableBlocks(std::uint64_t prepared_bytes, std::uint64_t offset) {
  return prepared_bytes < offset + kBlockBytes
             ? 0
             : (prepared_bytes - kBlockBytes - offset) / kBlockBytes;
}

inline constexpr std::string_view kHeadName = "HEAD";
inline constexpr std::string_view kLockName = "LOCK";

/// What it means where Directory::OverwriteInPlace says no.
inline constexpr std::string_view kCopiesOnWrite =
    "every write takes new space (copy on write), so that on a full disk even operations for which "
    "the log has prepared its space may have to wait";

LogFileName SegmentName(std::uint64_t number);
std::optional<std::uint64_t> ParseSegmentName(std::string_view name);

/// Memory whose address and size suit direct writes. Reused, because first touch costs as much as
/// the disk.
class AlignedBuffer {
 public:
  explicit AlignedBuffer(std::size_t bytes);
  std::span<char> span() { return {data_.get(), bytes_}; }
  char* data() { return data_.get(); }
  std::size_t size() const { return bytes_; }

 private:
  struct Free {
    void operator()(char* p) const;
  };
  std::unique_ptr<char[], Free> data_;
  std::size_t bytes_;
};

/// One file on its way to being, or being, the newest segment. [0, prepared_bytes) was written and
/// synced once, so that a group there is an overwrite: no allocation, no new size, no new metadata.
struct SegmentFile {
  LogFileName name = {};
  std::unique_ptr<File> file = nullptr;
  LogFileName head_name = {};
  std::unique_ptr<File> head = nullptr;  ///< a block, becomes HEAD together with the segment
  std::uint64_t prepared_bytes = 0;
};

/// The error of a file by the name that it has now; a File knows the one it was opened by.
absl::Status NamedAsNow(const SegmentFile& file, const absl::Status& status);

/// One thread at a time, PrepareChunk and RetireBelow apart.
class SegmentFiles {
 public:
  /// Finds out whether direct writes work here, takes the lock, removes *.tmp, and adopts spares,
  /// those apart whose space is shared.
  static absl::StatusOr<std::unique_ptr<SegmentFiles>> Open(Directory& directory,
                                                            std::uint64_t segment_bytes);

  bool direct() const { return path_ == WritePath::kDirect; }
  Directory& directory() { return directory_; }
  std::uint64_t segment_bytes() const { return segment_bytes_; }

  /// Blocks of groups that the spares can take now.
  std::uint64_t SpareBlocks() const;
  std::size_t spares() const { return spares_.size(); }
  /// The file to extend next: `current` while it is not whole, else a spare, made if all are whole.
  absl::StatusOr<SegmentFile*> NextToPrepare(SegmentFile* current);
  /// Writes zeros behind what is prepared, a megabyte at most, and syncs. Returns the bytes added;
  /// the caller adds them to file.prepared_bytes. May run beside writes to the prepared part.
  absl::StatusOr<std::uint64_t> PrepareChunk(SegmentFile& file);

  /// The oldest spare that has room for a group; where none has, one with nothing prepared.
  absl::StatusOr<SegmentFile> TakeSpare();
  /// Gives the file its place in the log. Its first block is written and synced under the spare's
  /// name, with a place for its footer; the name becomes SegmentName(number), and HEAD follows.
  /// Needs no memory.
  absl::Status Activate(SegmentFile& file, std::uint64_t number, std::string_view first_block);
  /// Makes HEAD name the segment whose first block this is.
  absl::Status WriteHead(std::string_view first_block);
  /// Gives back what was prepared behind `bytes` and will never be used.
  absl::Status ReleaseBehind(std::uint64_t number, std::uint64_t bytes);
  /// Names that RetireBelow may give.
  struct SpareNumbers {
    std::uint64_t first = 0, count = 0;
  };
  SpareNumbers ReserveSpares();
  /// Ends the life of all segments below `number`, oldest first, those included that recovery left
  /// unread: as many whole files as there are numbers become spares, others are removed. May run
  /// beside everything else; the spares it returns count once they are added.
  absl::StatusOr<std::vector<SegmentFile>> RetireBelow(std::uint64_t number, SpareNumbers spares);
  void AddSpares(std::vector<SegmentFile> recycled);
  /// An error names the file as it is called now.
  absl::Status WriteAndSync(const SegmentFile& file, std::uint64_t offset, std::string_view data);

 private:
  SegmentFiles(Directory& directory, std::uint64_t segment_bytes);
  /// Sets aside what is no file under a name that a file of the log will want.
  absl::Status ClearNames();
  absl::StatusOr<bool> CanRecycle(File& file, std::uint64_t size) const;
  absl::Status ProbePath();
  absl::Status AdoptSpares();
  absl::StatusOr<std::unique_ptr<File>> OpenForWriting(std::string_view name, Create create);
  absl::Status MakeHead(SegmentFile& spare);
  /// False: there was no room for its head, and it was removed, which makes room.
  absl::StatusOr<bool> MakeHeadOrRemove(SegmentFile& whole);
  absl::Status PlaceHead(File& file, std::string_view name, std::string_view first_block);

  Directory& directory_;
  std::uint64_t segment_bytes_;
  WritePath path_ = WritePath::kDirect;
  bool in_place_ = true;  ///< overwriting prepared space needs no new space
  DirectoryLock lock_;
  std::deque<SegmentFile> spares_;
  std::uint64_t next_spare_ = 1;
  AlignedBuffer zeros_;
};

}  // namespace dr::inline v0
