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
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/environment/file_system.h"
#include "dr/log/segment.h"
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

/// An open file and the name that it has now. A value: a thread that works on the file without the
/// log's mutex has a copy of its own.
struct NamedFile {
  LogFileName name = {};
  std::shared_ptr<File> file = nullptr;
};

/// One file on its way to being, or being, the newest segment. [0, prepared_bytes) was written and
/// synced once, so that a group there is an overwrite: no allocation, no new size, no new metadata.
struct SegmentFile {
  NamedFile segment = {};
  NamedFile head = {};  ///< a block, becomes HEAD together with the segment
  std::uint64_t prepared_bytes = 0;
};

/// The error of a file by the name that it has now; a File knows the one it was opened by.
absl::Status NamedAsNow(const NamedFile& file, const absl::Status& status);

/// The list of spares is for one thread at a time; what does I/O (MakeSpare, PrepareChunk,
/// Activate, RetireBelow, WriteAndSync) works on what it is given and may run beside everything
/// else.
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
  /// Numbers of spares to come.
  struct SpareNumbers {
    std::uint64_t first = 0, count = 0;
  };
  SpareNumbers ReserveSpares(std::uint64_t count);
  /// A new file with its head, and nothing prepared. It counts once it is added.
  absl::StatusOr<SegmentFile> MakeSpare(std::uint64_t number);
  /// Takes the spare that is not whole yet off the list, for PrepareChunk; nullopt if all are.
  std::optional<SegmentFile> TakeUnfinished();
  /// Writes zeros behind the first `prepared_bytes`, a megabyte at most, and syncs. Returns the
  /// bytes added. May run beside writes to the prepared part.
  absl::StatusOr<std::uint64_t> PrepareChunk(const NamedFile& file, std::uint64_t prepared_bytes);
  /// So that `count` spares can be added without more memory.
  void MakePlaces(std::size_t count) { spares_.reserve(spares_.size() + count); }
  void AddSpare(SegmentFile spare) { spares_.push_back(std::move(spare)); }

  /// The oldest spare that has room for a group; where none has, the first. There must be one.
  SegmentFile TakeSpare();
  /// Gives the file its place in the log. Its first block is written and synced under the spare's
  /// name, with a place for its footer; the name becomes SegmentName(number), and HEAD follows.
  /// Needs no memory. After kResourceExhausted it may be called again, and goes on.
  absl::Status Activate(SegmentFile& file, std::uint64_t number, std::string_view first_block);
  /// Makes HEAD name the segment whose first block this is.
  absl::Status WriteHead(std::string_view first_block);
  /// Gives back what was prepared behind `bytes` and will never be used.
  absl::Status ReleaseBehind(std::uint64_t number, std::uint64_t bytes);
  /// How many retired files are worth keeping.
  std::uint64_t SparesWanted() const;
  /// Ends the life of all segments below `number`, oldest first, those included that recovery left
  /// unread: as many whole files as there are numbers become spares, others are removed. The spares
  /// it returns count once they are added.
  absl::StatusOr<std::vector<SegmentFile>> RetireBelow(std::uint64_t number, SpareNumbers spares);
  /// An error names the file as it is called now. kResourceExhausted only if nothing but the write
  /// was refused, which may then be done again: a failed sync is never that.
  absl::Status WriteAndSync(const NamedFile& file, std::uint64_t offset, std::string_view data);

 private:
  SegmentFiles(Directory& directory, std::uint64_t segment_bytes);
  /// Sets aside what is no file under a name that a file of the log will want.
  absl::Status ClearNames();
  absl::StatusOr<bool> CanRecycle(File& file, std::uint64_t size) const;
  absl::Status ProbePath();
  absl::Status AdoptSpares();
  absl::StatusOr<NamedFile> OpenForWriting(LogFileName name, Create create);
  absl::Status MakeHead(SegmentFile& spare);
  /// False: there was no room for its head, and it was removed, which makes room.
  absl::StatusOr<bool> MakeHeadOrRemove(SegmentFile& whole);
  absl::Status PlaceHead(NamedFile& head, std::string_view first_block);

  Directory& directory_;
  std::uint64_t segment_bytes_;
  WritePath path_ = WritePath::kDirect;
  bool in_place_ = true;  ///< overwriting prepared space needs no new space
  DirectoryLock lock_;
  std::vector<SegmentFile> spares_;
  std::uint64_t next_spare_ = 1;
  AlignedBuffer zeros_;
};

}  // namespace dr::inline v0
