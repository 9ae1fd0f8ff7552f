// A file system in memory that loses what was not synced, and fails when told to.
//
//   dr::SimFileSystem disk;
//   auto directory = disk.OpenDirectory("/agent", dr::Create::kIfMissing);   // as any FileSystem
//   …                                            // the code under test
//   disk.Mark(7);                                // "7 was acknowledged here"
//   dr::VisitCrashStates(disk, {}, [](dr::SimFileSystem& after, const dr::CrashPoint& point) {
//     …                                          // recover on `after`; it has all of point.marks
//   });                                          // (dr/testing/sim_crash.h)
//
// The model. Everything that reaches the disk is an event of a journal; the power may fail between
// any two. Content is durable per sector of 512 bytes: a direct write when it ends, a buffered one
// when a sync that began after it ended has ended; a sync of a file covers its size. Names are
// durable when a sync of their directory that began after the change has ended. Until then a
// sector may hold new, old or any content between, zeros, garbage, or new bytes followed by old
// ones; a size or name may be the new or the old one. A kill loses nothing but the rest of the
// calls under way. After a failed sync the content it covered is in the cache only, and no later
// sync writes it. Freed inodes are never used again.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/environment/file_system.h"
#include "dr/export.h"

namespace dr::inline v0 {

/// Groups of calls, for faults and holds. Each call of File, Directory or FileSystem counts as one;
/// making a path counts as a kNames and a kSyncNames for each new directory.
enum class SimCall : std::uint8_t {
  kOpen,       ///< Open, OpenDirectory
  kRead,       ///< ReadAt
  kWrite,      ///< WriteAt
  kSync,       ///< File::Sync
  kTruncate,   ///< Truncate
  kNames,      ///< Rename, Link, Remove, RemoveDirectory, and what makes a directory
  kSyncNames,  ///< Directory::Sync
  kInfo,       ///< Info, List, Volume
  kLock,       ///< Lock
};

/// Whether a fault goes away.
enum class Lasting : std::uint8_t {
  kOnce,     ///< the n-th call fails, those after it succeed
  kForGood,  ///< all from the n-th on fail
};

/// Makes a call fail. A write that fails has written its first half, a sync that fails has dropped
/// what it covered, and anything else has done nothing.
struct SimFault {
  int error = EIO;        ///< the errno
  std::uint64_t nth = 1;  ///< from 1, counting from Inject on the calls that can fail this way
  Lasting lasting = Lasting::kOnce;  ///< what comes behind the n-th
  std::optional<SimCall> only =
      {};  ///< absent: all; for ENOSPC, EDQUOT and EFBIG all that take space
};

/// What kind of disk it is.
struct SimOptions {
  bool direct = true;  ///< whether WritePath::kDirect is offered
  std::uint64_t capacity_bytes = std::numeric_limits<std::uint64_t>::max();  ///< see SetCapacity
  /// What Directory::Volume says.
  VolumeInfo volume = {.type = "sim", .survives_power_loss = true, .is_network = false};
};

class SimDisk;

/// Deterministic and thread-safe. Conforms to file_system.h as PosixFileSystem does; paths,
/// absolute or not, begin at its root.
class DR_EXPORT SimFileSystem final : public FileSystem {
 public:
  /// An empty disk.
  explicit SimFileSystem(const SimOptions& options = {});
  ~SimFileSystem() override;

  absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(std::string_view path,
                                                           Create create) override;

  /// Notes `value` in the journal; each crash point knows the marks that came before it.
  void Mark(std::uint64_t value);
  /// The number of events in the journal.
  std::size_t events() const;
  /// The journal, a line for each event.
  std::string Describe() const;

  /// One fault at a time; the next replaces it. `failures` counts the calls that failed by Inject
  /// or FailReads so far: a loop over nth ends when a run has none.
  void Inject(const SimFault& fault);
  /// Reading any byte of [offset, offset + size) of the file at `path` fails.
  void FailReads(std::string_view path, std::uint64_t offset, std::uint64_t size, int error = EIO);
  void ClearFaults();              ///< no call fails any more
  std::uint64_t failures() const;  ///< see Inject
  std::uint64_t calls() const;     ///< all calls so far, those that failed included
  /// From now on syncs and direct writes say OK and make nothing durable.
  void Lie();
  /// Files count by their length in sectors, and one sector for each inode.
  void SetCapacity(std::uint64_t bytes);
  std::uint64_t used_bytes() const;  ///< as SetCapacity counts
  /// The number of files and directories that are open.
  std::size_t open_handles() const;

  /// Makes writes (kWrite) or syncs (kSync) wait between their beginning and their end until
  /// Release, so that several are in flight for as long as the test wants.
  void Hold(SimCall call);
  void Release(SimCall call);  ///< lets those that are held go on
  /// Waits until `count` of them are held.
  void AwaitHeld(SimCall call, std::size_t count);

  /// The content of a file as a reader sees it now.
  absl::StatusOr<std::string> Read(std::string_view path) const;
  /// Changes bytes on the disk itself, durably, as rot or an operator does.
  absl::Status Overwrite(std::string_view path, std::uint64_t offset, std::string_view bytes);

  /// A new disk with what a reader sees now, all of it durable, and an empty journal.
  std::unique_ptr<SimFileSystem> Copy() const;
  /// A new disk as the next process finds it after a kill at event `at`: calls under way are done,
  /// nothing more is durable than before. Its journal goes on from there.
  std::unique_ptr<SimFileSystem> AfterKill(std::size_t at = kNow) const;
  /// A new disk with what was surely durable at event `at` and nothing else.
  std::unique_ptr<SimFileSystem> AfterPowerCut(std::size_t at = kNow) const;
  /// Behind the newest event.
  static constexpr std::size_t kNow = std::numeric_limits<std::size_t>::max();

 private:
  friend class SimAccess;  // for what makes disks: sim_crash.cc
  explicit SimFileSystem(std::unique_ptr<SimDisk> disk);
  std::unique_ptr<SimDisk> disk_;
};

}  // namespace dr::inline v0
