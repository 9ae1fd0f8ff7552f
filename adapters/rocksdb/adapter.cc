#include <filesystem>
#include <map>
#include <utility>

#include "adapters/rocksdb/database.h"
#include "adapters/rocksdb/options.h"
#include "adapters/rocksdb/store.h"
#include "dr/adapter/permits.h"
#include "dr/adapters/rocksdb.h"
#include "dr/mutex.h"
#include "dr/status.h"
#include "dr/status_macros.h"

namespace dr::inline v0 {
namespace {

// RocksDB makes files that anybody may read; only the directory keeps others out. It opens them by
// path, so that they are the machine's own whatever `files` is.
absl::StatusOr<std::string> PrivatePath(const Uri& uri) {
  std::error_code failed;
  const std::filesystem::path path = std::filesystem::canonical(uri.path, failed);
  const std::filesystem::file_status status = std::filesystem::status(path, failed);
  if (failed || !std::filesystem::is_directory(status)) {
    return uri.Refuse("this machine has no such directory",
                      "use RocksDB with the machine's own files");
  }
  using std::filesystem::perms;
  if ((status.permissions() & (perms::group_all | perms::others_all)) != perms::none) {
    return uri.Refuse("others may enter the directory",
                      "chmod 700 it, or name one beneath it that is to be made");
  }
  return path.string();
}

/// What one registry has open, by path: RocksDB opens a database once. Reading its log may take
/// long, so whoever waits for that of another heeds its own context.
class OpenDatabases {
 public:
  absl::StatusOr<std::shared_ptr<RocksDbDatabase>> Find(std::unique_ptr<Directory> directory,
                                                        const std::string& path, TornTail torn_tail,
                                                        const Context& context,
                                                        const Clock& clock) {
    const std::shared_ptr<Entry> entry = EntryOf(path);
    DR_ASSIGN_OR_RETURN(const Permits::Permit permit,
                        entry->opening.Take(context, clock, "the database, which another opens"));
    if (std::shared_ptr<RocksDbDatabase> found = entry->database.lock()) return found;
    DR_ASSIGN_OR_RETURN(std::shared_ptr<RocksDbDatabase> database,
                        RocksDbDatabase::Open(std::move(directory), path, torn_tail));
    entry->database = database;
    return database;
  }

 private:
  struct Entry {
    Permits opening;  // who has it may use the rest
    std::weak_ptr<RocksDbDatabase> database;
  };
  std::shared_ptr<Entry> EntryOf(const std::string& path) {
    MutexLock lock(mutex_);
    std::shared_ptr<Entry>& entry = entries_[path];
    if (entry == nullptr) entry = std::make_shared<Entry>();
    return entry;
  }

  Mutex mutex_;
  std::map<std::string, std::shared_ptr<Entry>> entries_ ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<std::unique_ptr<StateAdapter>> Open(OpenDatabases& databases, const Uri& uri,
                                                   const AdapterEnvironment& environment,
                                                   const Context& context) {
  DR_ASSIGN_OR_RETURN(const RocksDbOptions options, ReadRocksDbOptions(uri));
  DR_RETURN_IF_ERROR(CheckContext(context, *environment.clock, "Open"));
  DR_ASSIGN_OR_RETURN(std::unique_ptr<Directory> directory,
                      environment.files->OpenDirectory(uri.path, Create::kIfMissing));
  DR_ASSIGN_OR_RETURN(std::string path, PrivatePath(uri));
  DR_ASSIGN_OR_RETURN(
      std::shared_ptr<RocksDbDatabase> database,
      databases.Find(std::move(directory), path, options.torn_tail, context, *environment.clock));
  return RocksDbStore::Open(std::move(database), options.name_space, *environment.random,
                            *environment.clock, context);
}

}  // namespace

absl::Status RegisterRocksdb(AdapterRegistry& registry) {
  return registry.Register("rocksdb", [databases = std::make_shared<OpenDatabases>()](
                                          const Uri& uri, const AdapterEnvironment& environment,
                                          const Context& context) {
    return Open(*databases, uri, environment, context);
  });
}

}  // namespace dr::inline v0
