#include "dr/testing/sim_file_system.h"

#include <utility>
#include <vector>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/base/file_rules.h"
#include "src/testing/sim/sim_access.h"
#include "src/testing/sim/sim_disk.h"
#include "src/testing/sim/sim_history.h"

namespace dr::inline v0 {
namespace {

using Type = SimImage::Type;

absl::Status FaultUnlessOk(std::string_view call, std::string_view place, int error,
                           std::optional<std::uint64_t> offset = {}) {
  return error == 0 ? absl::OkStatus() : MakeIoFault(call, place, error, offset);
}

class SimFile final : public File {
 public:
  SimFile(SimDisk& disk, SimInode inode, const OpenOptions& options, std::string place)
      : disk_(disk), inode_(inode), options_(options), place_(std::move(place)) {}
  ~SimFile() override { disk_.Close(inode_, this); }

  absl::StatusOr<std::size_t> ReadAt(std::uint64_t offset, std::span<char> out) override {
    DR_RETURN_IF_ERROR(CheckFileRange(place_, options_.path, offset, out.size(), out.data()));
    std::size_t done = 0;
    const int error = disk_.ReadAt(inode_, offset, out, done);
    if (error != 0) return MakeIoFault("pread", place_, error, offset);
    return done;
  }

  absl::Status WriteAt(std::uint64_t offset, std::string_view data) override {
    DR_RETURN_IF_ERROR(CheckFileRange(place_, options_.path, offset, data.size(), data.data()));
    if (options_.access != Access::kWrite) return MakeIoFault("pwrite", place_, EBADF, offset);
    const SimDisk::Written written = disk_.WriteAt(inode_, offset, data, options_.path);
    return FaultUnlessOk("pwrite", place_, written.error, written.offset);
  }

  absl::Status Sync() override { return FaultUnlessOk("fdatasync", place_, disk_.Sync(inode_)); }

  absl::Status Truncate(std::uint64_t size) override {
    if (options_.access != Access::kWrite) return MakeIoFault("ftruncate", place_, EINVAL, size);
    return FaultUnlessOk("ftruncate", place_, disk_.Truncate(inode_, size), size);
  }

  absl::StatusOr<FileInfo> Info() override {
    FileInfo info;
    DR_RETURN_IF_ERROR(FaultUnlessOk("fstat", place_, disk_.Info(inode_, info)));
    return info;
  }

  absl::Status Lock() override {
    if (options_.access != Access::kWrite) return MakeIoFault("lock", place_, EBADF);
    return FaultUnlessOk("lock", place_, disk_.Lock(inode_, this));
  }

 private:
  SimDisk& disk_;
  const SimInode inode_;
  const OpenOptions options_;
  const std::string place_;
};

class SimHeldLock final : public HeldLock {
 public:
  SimHeldLock(SimDisk& disk, SimInode inode) : disk_(disk), inode_(inode) {}
  ~SimHeldLock() override {
    if (held_) disk_.Close(inode_, this);
  }
  absl::Status Take(std::string_view place) {
    const int error = disk_.LockDirectory(inode_, this);
    held_ = error == 0;
    return FaultUnlessOk("flock", place, error);
  }

 private:
  SimDisk& disk_;
  const SimInode inode_;
  bool held_ = false;
};

class SimDirectory final : public Directory {
 public:
  SimDirectory(SimDisk& disk, SimInode inode, std::string place)
      : disk_(disk), inode_(inode), place_(std::move(place)) {}
  ~SimDirectory() override { disk_.Close(inode_, this); }

  SimInode inode() const { return inode_; }

  absl::StatusOr<std::unique_ptr<File>> Open(std::string_view name, OpenOptions options) override {
    DR_RETURN_IF_ERROR(CheckFileName(name));
    std::string place = JoinForMessage(place_, name);
    SimInode file = 0;
    DR_RETURN_IF_ERROR(FaultUnlessOk(
        "open", place, disk_.OpenFile(inode_, name, options.create, options.path, file)));
    return std::make_unique<SimFile>(disk_, file, options, std::move(place));
  }

  absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(std::string_view name,
                                                           Create create) override {
    DR_RETURN_IF_ERROR(CheckFileName(name));
    std::string place = JoinForMessage(place_, name);
    SimInode directory = 0;
    DR_RETURN_IF_ERROR(
        FaultUnlessOk("open", place, disk_.OpenDirectory(inode_, name, create, directory)));
    return std::make_unique<SimDirectory>(disk_, directory, std::move(place));
  }

  absl::StatusOr<std::vector<DirectoryEntry>> List() override {
    std::vector<DirectoryEntry> entries;
    DR_RETURN_IF_ERROR(FaultUnlessOk("readdir", place_, disk_.List(inode_, entries)));
    return entries;
  }

  absl::Status Rename(std::string_view from, std::string_view to) override {
    DR_RETURN_IF_ERROR(CheckFileName(from));
    DR_RETURN_IF_ERROR(CheckFileName(to));
    return Named("rename", from, disk_.Rename(inode_, from, to));
  }

  absl::Status Link(std::string_view from, std::string_view to) override {
    DR_RETURN_IF_ERROR(CheckFileName(from));
    DR_RETURN_IF_ERROR(CheckFileName(to));
    const int error = disk_.Link(inode_, from, to);
    return Named("link", error == EEXIST ? to : from, error);
  }

  absl::Status Remove(std::string_view name) override {
    DR_RETURN_IF_ERROR(CheckFileName(name));
    return Named("unlink", name, disk_.Remove(inode_, name, Type::kFile));
  }

  absl::Status RemoveDirectory(std::string_view name) override {
    DR_RETURN_IF_ERROR(CheckFileName(name));
    return Named("rmdir", name, disk_.Remove(inode_, name, Type::kDirectory));
  }

  absl::Status Sync() override { return FaultUnlessOk("fsync", place_, disk_.SyncNames(inode_)); }

  absl::StatusOr<VolumeInfo> Volume() override {
    VolumeInfo info;
    DR_RETURN_IF_ERROR(FaultUnlessOk("statfs", place_, disk_.Volume(info)));
    return info;
  }

  absl::StatusOr<std::unique_ptr<HeldLock>> Lock() override {
    auto lock = std::make_unique<SimHeldLock>(disk_, inode_);
    DR_RETURN_IF_ERROR(lock->Take(place_));
    return lock;
  }

 private:
  absl::Status Named(std::string_view call, std::string_view name, int error) const {
    return FaultUnlessOk(call, JoinForMessage(place_, name), error);
  }

  SimDisk& disk_;
  const SimInode inode_;
  const std::string place_;
};

std::vector<std::string_view> SplitPath(std::string_view path) {
  std::vector<std::string_view> names;
  while (!path.empty()) {
    const std::string_view name = path.substr(0, path.find('/'));
    if (!name.empty() && name != ".") names.push_back(name);
    path.remove_prefix(std::min(path.size(), name.size() + 1));
  }
  return names;
}

}  // namespace

SimFileSystem::SimFileSystem(const SimOptions& options)
    : disk_(std::make_unique<SimDisk>(options)) {}
SimFileSystem::SimFileSystem(std::unique_ptr<SimDisk> disk) : disk_(std::move(disk)) {}
SimFileSystem::~SimFileSystem() = default;

// The calls, and their order, are those of PosixFileSystem.
absl::StatusOr<std::unique_ptr<Directory>> SimFileSystem::OpenDirectory(std::string_view path,
                                                                        Create create) {
  if (path.empty() || path.find('\0') != path.npos) {
    return MakeFault(
        {.kind = FaultKind::kInvalid, .place = std::string(path), .next = "name a directory"},
        "not a path");
  }
  const std::vector<std::string_view> names = SplitPath(path);
  if (names.empty() && create == Create::kExclusive) return MakeIoFault("mkdir", path, EEXIST);
  std::vector<std::unique_ptr<Directory>> open(1);
  SimInode root = 0;
  DR_RETURN_IF_ERROR(FaultUnlessOk("open", path, disk_->OpenRoot(root)));
  open[0] = std::make_unique<SimDirectory>(*disk_, root, "/");
  bool made = false;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool last = i + 1 == names.size();
    auto next = open.back()->OpenDirectory(names[i], Create::kNever);
    if (next.ok() && last && create == Create::kExclusive)
      return MakeIoFault("mkdir", path, EEXIST);
    if (absl::IsNotFound(next.status()) && create != Create::kNever) {
      if (!made && i > 0) DR_RETURN_IF_ERROR(open[i - 1]->Sync());
      made = true;
      next = open.back()->OpenDirectory(names[i], last ? create : Create::kIfMissing);
      if (next.ok()) DR_RETURN_IF_ERROR(open.back()->Sync());
    } else if (next.ok() && last && create == Create::kIfMissing) {
      DR_RETURN_IF_ERROR(open.back()->Sync());
    }
    if (!next.ok()) return std::move(next).status();
    open.push_back(*std::move(next));
  }
  return std::move(open.back());
}

void SimFileSystem::Mark(std::uint64_t value) { disk_->Mark(value); }
std::size_t SimFileSystem::events() const { return disk_->events(); }
void SimFileSystem::Inject(const SimFault& fault) { disk_->Inject(fault); }
void SimFileSystem::FailReads(std::string_view path, std::uint64_t offset, std::uint64_t size,
                              int error) {
  disk_->FailReads(path, offset, size, error);
}
void SimFileSystem::ClearFaults() { disk_->ClearFaults(); }
std::uint64_t SimFileSystem::failures() const { return disk_->failures(); }
std::uint64_t SimFileSystem::calls() const { return disk_->calls(); }
void SimFileSystem::Lie() { disk_->Lie(); }
void SimFileSystem::SetCapacity(std::uint64_t bytes) { disk_->SetCapacity(bytes); }
std::uint64_t SimFileSystem::used_bytes() const { return disk_->used_bytes(); }
std::size_t SimFileSystem::open_handles() const { return disk_->open_handles(); }
void SimFileSystem::Hold(SimCall call) { disk_->Hold(call); }
void SimFileSystem::Release(SimCall call) { disk_->Release(call); }
void SimFileSystem::AwaitHeld(SimCall call, std::size_t count) { disk_->AwaitHeld(call, count); }

std::string SimFileSystem::Describe() const {
  std::string out;
  const SimEvents events = disk_->history().events;
  for (std::size_t i = 0; i < events.size(); ++i) {
    out += fmt::format("{}: {}\n", i, dr::Describe(events[i]));
  }
  return out;
}

absl::StatusOr<std::string> SimFileSystem::Read(std::string_view path) const {
  std::string out;
  DR_RETURN_IF_ERROR(FaultUnlessOk("read", path, disk_->ReadAll(path, out)));
  return out;
}

absl::Status SimFileSystem::Overwrite(std::string_view path, std::uint64_t offset,
                                      std::string_view bytes) {
  return FaultUnlessOk("overwrite", path, disk_->Overwrite(path, offset, bytes), offset);
}

std::unique_ptr<SimFileSystem> SimFileSystem::Copy() const {
  SimDisk::History now = disk_->history();
  return SimAccess::Make(now.options, now.live, now.live, {});
}

std::unique_ptr<SimFileSystem> SimFileSystem::AfterKill(std::size_t at) const {
  SimDisk::History now = disk_->history();
  now.events.resize(std::min(at, now.events.size()));
  SimHistory history(now.initial, NameOrder::kAnySubset);
  for (std::size_t i = 0; i < now.events.size(); ++i) history.Apply(now.events[i], i);
  for (SimEvent& end : history.FinishWrites()) {
    history.Apply(end, now.events.size());
    now.events.push_back(std::move(end));
  }
  return SimAccess::Make(now.options, now.initial, history.live(), std::move(now.events));
}

std::unique_ptr<SimFileSystem> SimFileSystem::AfterPowerCut(std::size_t at) const {
  const SimDisk::History now = disk_->history();
  SimHistory history(now.initial, NameOrder::kAnySubset);
  for (std::size_t i = 0; i < std::min(at, now.events.size()); ++i) {
    history.Apply(now.events[i], i);
  }
  return SimAccess::Make(now.options, history.durable(), history.durable(), {});
}

}  // namespace dr::inline v0
