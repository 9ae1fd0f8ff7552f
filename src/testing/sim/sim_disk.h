// What SimFileSystem and everything it opened share: the present, the journal, and the faults.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "dr/mutex.h"
#include "dr/testing/sim_file_system.h"
#include "src/testing/sim/sim_image.h"
#include "src/testing/sim/sim_journal.h"

namespace dr::inline v0 {

/// Calls return 0 or an errno, like those of a kernel. Thread-safe.
class SimDisk {
 public:
  explicit SimDisk(const SimOptions& options) : options_(options) {}
  /// A disk that holds `live` and came to it by `events` from `initial`.
  SimDisk(const SimOptions& options, SimImage initial, SimImage live, SimEvents events);

  struct Written {
    int error = 0;
    std::uint64_t offset = 0;  ///< of the first byte not written
  };

  // Names. The result is an open inode, to be closed, or the errno.
  int OpenFile(SimInode directory, std::string_view name, Create create, WritePath path,
               SimInode& opened);
  int OpenDirectory(SimInode directory, std::string_view name, Create create, SimInode& opened);
  int OpenRoot(SimInode& opened);
  void Close(SimInode inode, const void* handle);
  int List(SimInode directory, std::vector<DirectoryEntry>& out);
  int Rename(SimInode directory, std::string_view from, std::string_view to);
  int Link(SimInode directory, std::string_view from, std::string_view to);
  int Remove(SimInode directory, std::string_view name, SimImage::Type type);
  int SyncNames(SimInode directory);
  int Volume(VolumeInfo& out);

  // Content.
  int ReadAt(SimInode file, std::uint64_t offset, std::span<char> out, std::size_t& done);
  Written WriteAt(SimInode file, std::uint64_t offset, std::string_view data, WritePath path);
  int Sync(SimInode file);
  int Truncate(SimInode file, std::uint64_t size);
  int Info(SimInode file, FileInfo& out);
  int Lock(SimInode file, const void* handle);
  int LockDirectory(SimInode directory, const void* handle);  // and opens it once more

  // What SimFileSystem offers to tests, under the same names.
  void Mark(std::uint64_t value);
  void Inject(const SimFault& fault);
  void FailReads(std::string_view path, std::uint64_t offset, std::uint64_t size, int error);
  void ClearFaults();
  std::uint64_t failures() const;
  std::uint64_t calls() const;
  void Lie();
  void SetCapacity(std::uint64_t bytes);
  std::uint64_t used_bytes() const;
  std::size_t open_handles() const;
  void Hold(SimCall call);
  void Release(SimCall call);
  void AwaitHeld(SimCall call, std::size_t count);
  int ReadAll(std::string_view path, std::string& out) const;
  int Overwrite(std::string_view path, std::uint64_t offset, std::string_view bytes);

  struct History {
    SimOptions options;
    SimImage initial;
    SimImage live;
    SimEvents events;
  };
  History history() const;
  std::size_t events() const;

 private:
  struct BadRange {
    SimInode inode;
    std::uint64_t offset;
    std::uint64_t size;
    int error;
  };
  struct Open {
    std::size_t handles = 0;
    const void* locked_by = nullptr;
  };

  int Enter(SimCall call, bool takes_space) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::size_t Record(SimEvent event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::size_t Begin(SimCall call, SimEvent event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  int Create(SimInode directory, std::string_view name, SimImage::Type type, SimInode& created)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  int CheckReplaced(SimInode directory, SimInode from, std::string_view to) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ChangeName(SimEvent event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Resize(SimInode file, std::uint64_t size) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FreeIfUnused(SimInode inode) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::uint64_t FreeBytes() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  CondVar changed_;
  SimOptions options_ ABSL_GUARDED_BY(mutex_);
  SimImage initial_ ABSL_GUARDED_BY(mutex_);
  SimImage live_ ABSL_GUARDED_BY(mutex_) = initial_;
  SimEvents events_ ABSL_GUARDED_BY(mutex_);
  std::map<SimInode, Open> open_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t used_bytes_ ABSL_GUARDED_BY(mutex_) = kSimSectorBytes;

  bool lies_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<SimFault> fault_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t fault_calls_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<BadRange> bad_ranges_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t failures_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t calls_ ABSL_GUARDED_BY(mutex_) = 0;
  std::thread::id first_thread_ ABSL_GUARDED_BY(mutex_);
  bool has_several_threads_ ABSL_GUARDED_BY(mutex_) = false;  // yielding costs a lone one too much
  std::map<SimCall, std::size_t> held_ ABSL_GUARDED_BY(mutex_);  // present: held; how many wait
};

}  // namespace dr::inline v0
