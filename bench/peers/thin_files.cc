#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "bench/peers/thin_client.h"
#include "dr/environment/descriptor.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace bench {
namespace {

absl::Status Failed(std::string_view call) { return absl::ErrnoToStatus(errno, dr::AsAbsl(call)); }

/// All in one directory that stays open.
class Files final : public ThinClient {
 public:
  explicit Files(dr::FileDescriptor directory) : directory_(std::move(directory)) {}

  absl::Status Put(std::string_view key, std::string_view value) override {
    DR_RETURN_IF_ERROR(Replace(key, value));
    return SyncDirectory();
  }
  absl::Status PutMany(std::span<const dr::KeyValue> items) override {
    for (const dr::KeyValue& item : items) DR_RETURN_IF_ERROR(Replace(item.key, item.value));
    return SyncDirectory();
  }
  absl::StatusOr<std::string> Get(std::string_view key) override {
    const dr::FileDescriptor file(
        openat(directory_.get(), NameOf(key).c_str(), O_RDONLY | O_CLOEXEC));
    struct stat info {};
    if (!file.valid() || fstat(file.get(), &info) != 0) return Failed("open");
    std::string value(static_cast<std::size_t>(info.st_size), '\0');
    if (read(file.get(), value.data(), value.size()) != info.st_size) return Failed("read");
    return value;
  }
  absl::StatusOr<std::vector<dr::ListEntry>> List(std::string_view prefix) override {
    const std::string start = NameOf(prefix);
    const std::unique_ptr<DIR, int (*)(DIR*)> names(
        fdopendir(openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), closedir);
    if (names == nullptr) return Failed("opendir");
    std::vector<dr::ListEntry> entries;
    while (const dirent* name = readdir(names.get())) {
      if (!std::string_view(name->d_name).starts_with(start)) continue;
      struct stat info {};
      if (fstatat(directory_.get(), name->d_name, &info, 0) != 0) return Failed("stat");
      entries.push_back({name->d_name, static_cast<std::uint64_t>(info.st_size)});
    }
    std::ranges::sort(entries, {}, &dr::ListEntry::key);
    return entries;
  }

 private:
  static std::string NameOf(std::string_view key) {
    std::string name(key);
    std::ranges::replace(name, '/', '_');
    return name;
  }
  absl::Status Replace(std::string_view key, std::string_view value) {
    constexpr const char* kAside = "tmp";
    const dr::FileDescriptor file(
        openat(directory_.get(), kAside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file.valid()) return Failed("open");
    while (!value.empty()) {
      const ssize_t written = write(file.get(), value.data(), value.size());
      if (written < 0) return Failed("write");
      value.remove_prefix(static_cast<std::size_t>(written));
    }
    if (fsync(file.get()) != 0) return Failed("fsync");
    const std::string name = NameOf(key);
    if (renameat(directory_.get(), kAside, directory_.get(), name.c_str()) != 0) {
      return Failed("rename");
    }
    return absl::OkStatus();
  }
  absl::Status SyncDirectory() {
    return fsync(directory_.get()) == 0 ? absl::OkStatus() : Failed("fsync of the directory");
  }

  const dr::FileDescriptor directory_;
};

}  // namespace

ThinPeer ThinFiles() {
  return {"filesystem", "system calls",
          "open aside, write, fsync, rename, fsync of the one directory, which stays open; a batch "
          "has one "
          "fsync of the directory; one process alone: no lock, no header, no hash",
          [](const std::string& directory) -> absl::StatusOr<std::unique_ptr<ThinClient>> {
            dr::FileDescriptor opened(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
            if (!opened.valid()) return Failed("open");
            return std::make_unique<Files>(std::move(opened));
          }};
}

}  // namespace bench
