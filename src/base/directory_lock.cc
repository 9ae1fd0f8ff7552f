#include "src/base/directory_lock.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0 {
namespace {

bool IsBusy(const absl::Status& status) {
  const std::optional<Fault> fault = FaultOf(status);
  return fault && fault->kind == FaultKind::kBusy;
}

// The process that wrote itself down; 0: none can be read.
pid_t ReadOwner(File& file) {
  std::array<char, 32> text = {};
  const absl::StatusOr<std::size_t> read = file.ReadAt(0, text);
  pid_t pid = 0;
  if (read.ok()) std::from_chars(text.data(), text.data() + *read, pid);
  return pid;
}

absl::Status Busy(std::string_view name, std::string_view what, std::string_view next) {
  return MakeFault(
      {.kind = FaultKind::kBusy, .place = std::string(name), .next = std::string(next)}, what);
}

absl::Status FileIsHeld(std::string_view name, pid_t owner) {
  if (owner > 0 && kill(owner, 0) != 0 && errno == ESRCH) {
    return Busy(name,
                fmt::format("process {}, which locked it, is not there any more: a child that was "
                            "forked from it still holds it, or it runs in another container",
                            owner),
                "stop what has the file open (fuser tells which), or use another directory");
  }
  return Busy(name,
              owner > 0 ? fmt::format("process {} has it locked", owner)
                        : std::string("another process has it locked"),
              "stop the other process, or use another directory");
}

}  // namespace

absl::StatusOr<DirectoryLock> DirectoryLock::TakeFile(Directory& directory, std::string_view name) {
  DirectoryLock lock;
  lock.name_ = name;
  DR_ASSIGN_OR_RETURN(
      lock.file_, directory.Open(name, {.access = Access::kWrite, .create = Create::kIfMissing}));
  if (absl::Status locked = lock.file_->Lock(); !locked.ok()) {
    return IsBusy(locked) ? FileIsHeld(name, ReadOwner(*lock.file_)) : locked;
  }
  return lock;
}

absl::Status DirectoryLock::Hold(Directory& directory) {
  absl::StatusOr<std::unique_ptr<HeldLock>> held = directory.Lock();
  if (held.ok()) {
    held_ = *std::move(held);
    return absl::OkStatus();
  }
  if (absl::IsUnimplemented(held.status())) return absl::OkStatus();  // then the file's must do
  if (!IsBusy(held.status())) return held.status();
  return Busy(name_,
              "another process has the directory locked, although this file of its was removed or "
              "replaced",
              "stop the other process (fuser tells which), or use another directory");
}

// Only messages need it, so a disk without room for it does no harm.
void DirectoryLock::Sign() {
  if (ReadOwner(*file_) == getpid() || !file_->Truncate(0).ok()) return;
  static_cast<void>(file_->WriteAt(0, fmt::format("{}\n", getpid())));
}

absl::StatusOr<DirectoryLock> DirectoryLock::Take(Directory& directory, std::string_view name) {
  DR_ASSIGN_OR_RETURN(DirectoryLock lock, TakeFile(directory, name));
  DR_RETURN_IF_ERROR(lock.Hold(directory));
  return lock;
}

}  // namespace dr::inline v0
