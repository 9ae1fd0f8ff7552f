// Values as files beneath one directory: the embedded default, and the `file:` adapter.
//
//   auto directory = files.OpenDirectory("/var/lib/agent/store", dr::Create::kIfMissing);
//   auto store = dr::DirectoryStore::Open(*std::move(directory), random, clock);
//
// Each value is a file of its own, written aside, synced, and given its name by rename or, where it
// must not exist, by link. Keys become paths: a component per '/', everything but letters, digits,
// '-', '_' and '.' (and a '.' that comes first) as %XX, directories marked by a suffix, so that any
// key is reversible and stays beneath the root. Directories stay when their last value is deleted.
// A file holds a value as dr/adapter/stored_value.h has it.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "dr/adapter/state_adapter.h"
#include "dr/clock.h"
#include "dr/environment/file_system.h"
#include "dr/environment/random.h"
#include "dr/mutex.h"

namespace dr::inline v0 {

/// Who writes to a directory.
enum class Writers : std::uint8_t {
  kMany,  ///< any number of processes
  kOne,   ///< this store alone: a folder whose last value is deleted is removed
};

/// Values as files of a directory, a folder for each part of a key. Thread-safe.
class DR_EXPORT DirectoryStore final : public StateAdapter {
 public:
  /// Removes what a crash left unfinished. Random and clock outlive the store. Any number of
  /// processes may have one directory open; their writes, and this call, wait for each other as
  /// long as their contexts allow. Fence-safe, except on a network file system or one that does not
  /// survive a power cut.
  static absl::StatusOr<std::unique_ptr<DirectoryStore>> Open(std::unique_ptr<Directory> root,
                                                              Random& random, const Clock& clock,
                                                              const Context& context = {},
                                                              Writers writers = Writers::kMany);
  /// For reading only, also beside a process that writes: takes no lock and cleans nothing up. Put,
  /// Delete and Check must not be called.
  static absl::StatusOr<std::unique_ptr<DirectoryStore>> OpenToRead(std::unique_ptr<Directory> root,
                                                                    Random& random,
                                                                    const Clock& clock);

  const Capabilities& capabilities() const override { return capabilities_; }
  absl::StatusOr<Version> Put(std::string_view key, std::string_view value,
                              const PutOptions& options, const Context& context) override;
  absl::StatusOr<Item> Get(std::string_view key, const Context& context) override;
  absl::StatusOr<Page> List(std::string_view prefix, std::string_view after,
                            const Context& context) override;
  absl::Status Delete(std::string_view key, const DeleteOptions& options,
                      const Context& context) override;
  absl::Status Check(const Context& context) override;
  absl::Status PutMany(std::span<const KeyValue> items, const Context& context) override;
  absl::Status DeleteMany(std::span<const std::string> keys, const Context& context) override;

 private:
  struct Place;     // an open directory and a name in it
  class WriteTurn;  // one at a time, of all processes

  DirectoryStore(std::unique_ptr<Directory> root, Random& random, const Clock& clock);
  absl::StatusOr<WriteTurn> AwaitTurn(const Context& context);
  absl::StatusOr<Place> Find(std::string_view key, Create create);
  absl::StatusOr<Version> Replace(const Place& place, std::string_view key, std::string_view value,
                                  PutCondition condition);
  absl::Status Name(const Place& place, std::string_view temporary, std::string_view key,
                    const Version& version, PutCondition condition);
  void RemoveEmpty(std::vector<std::string> path);
  absl::Status Remove(Directory& directory, std::string_view name, std::string_view key);
  absl::StatusOr<Item> Read(Directory& directory, std::string_view name, std::string_view key);
  absl::Status Collect(Directory& directory, const std::string& parent, std::string_view prefix,
                       std::string_view after, std::vector<ListEntry>& entries);
  absl::Status Clean(Directory& directory);

  const std::unique_ptr<Directory> root_;
  Random& random_;
  const Clock& clock_;
  Writers writers_ = Writers::kMany;
  Capabilities capabilities_;
  Mutex mutex_;
  CondVar turn_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  /// Directories whose names are durable. Touched by whose turn it is.
  std::set<std::string, std::less<>> synced_;
};

}  // namespace dr::inline v0
