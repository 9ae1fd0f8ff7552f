// A log and its checkpoints, read in place: nothing is created, locked or changed, so a host may be
// at work in the directory meanwhile.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "dr/adapter/directory_store.h"
#include "dr/clock.h"
#include "dr/environment/file_system.h"
#include "dr/environment/random.h"
#include "dr/repository/repository.h"
#include "src/checkpoint/checkpoint_writer.h"
#include "src/log/log_recovery.h"

namespace drctl {

/// Outlives what is opened with it.
struct Machine {
  dr::PosixFileSystem files;
  dr::SystemClock clock;
  dr::SystemRandom random;
};

struct Source {
  std::string generation = {};  ///< empty: the directory is a wal folder, and there is no store
  std::unique_ptr<dr::Directory> wal = {};
  std::unique_ptr<dr::DirectoryStore> store = {};
  std::unique_ptr<dr::Repository> repository = {};
};

/// A host's directory, or a folder with segments.
absl::StatusOr<Source> OpenSource(Machine& machine, const std::string& path);
/// As above; refuses a wal folder.
absl::StatusOr<Source> OpenHostSource(Machine& machine, const std::string& path);

/// All records of a snapshot, of every snapshot of an entry: kDataLoss names what is damaged.
absl::Status ReadAll(const Source& source, const dr::ComponentSnapshot& snapshot);
absl::Status ReadAll(const Source& source, const dr::RepositoryEntry& entry);

inline constexpr int kAttemptsMax = 10;
absl::Status ChangesTooFast();

/// What must be there: behind the oldest readable checkpoint, or in a wal folder all that its
/// oldest segment begins with; and what the checkpoints prove.
absl::StatusOr<dr::RecoveryBounds> BoundsOf(const Source& source);

/// Reads until no damage is found, or twice in a row the same: what a host at work changes between
/// two reads looks like damage only once. kUnavailable: it changes faster than it can be read.
/// `error_of` tells what a result complains of.
template <typename Read, typename ErrorOf>
std::invoke_result_t<Read> Settled(Read read, ErrorOf error_of) {
  absl::Status before = absl::OkStatus();
  for (int attempt = 0; attempt <= kAttemptsMax; ++attempt) {
    std::invoke_result_t<Read> result = read();
    absl::Status error = error_of(result);
    const bool in_doubt = absl::IsDataLoss(error) || absl::IsNotFound(error);
    if (!in_doubt || error == before) return result;
    before = std::move(error);
  }
  return ChangesTooFast();
}
template <typename Read>
auto Settled(Read read) {
  return Settled(std::move(read), [](const auto& result) { return result.status(); });
}

/// A log all of which was read.
struct Verified {
  dr::RecoveryBounds bounds = {};
  std::uint64_t segments = 0;
  dr::Lsn from = {}, last = {};     ///< operations that were read; last < from: none
  dr::Lsn evidence = {};            ///< the highest durable_lsn on the disk
  std::uint64_t groups_behind = 0;  ///< torn or left over behind the end
};
/// Reads all that BoundsOf asks for, and what is there before it, strictly; the first damage is
/// kDataLoss with its place. What a host at work changes meanwhile is not taken for damage.
absl::StatusOr<Verified> Verify(const Source& source);

/// What can be read of a log from an operation on, whatever is wrong behind it.
struct Readable {
  std::vector<dr::LogSegment> segments = {};
  std::uint64_t limit = 0;       ///< of the last of them
  dr::Lsn from = {}, last = {};  ///< whole batches; last < from: none
};
/// kDataLoss: not even `from` can be reached.
absl::StatusOr<Readable> FindReadable(dr::Directory& wal, dr::Lsn from);
/// Where a useful log may begin, ascending: at the first operation that is there, and behind each
/// readable checkpoint.
absl::StatusOr<std::vector<dr::Lsn>> PossibleStarts(const Source& source);

}  // namespace drctl
