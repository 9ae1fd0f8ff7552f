#include "src/testing/sim/sim_disk.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "src/base/file_rules.h"

namespace dr::inline v0 {
namespace {

using Kind = SimEvent::Kind;
using Type = SimImage::Type;

std::uint64_t SpaceOf(std::uint64_t size) {
  return (size + kSimSectorBytes - 1) / kSimSectorBytes * kSimSectorBytes;
}

bool IsAboutSpace(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

bool IsAllZero(std::string_view data) { return data.find_first_not_of('\0') == data.npos; }

}  // namespace

SimDisk::SimDisk(const SimOptions& options, SimImage initial, SimImage live, SimEvents events)
    : options_(options),
      initial_(std::move(initial)),
      live_(std::move(live)),
      events_(std::move(events)) {
  used_bytes_ = 0;
  for (SimInode inode = SimImage::kRoot; inode < live_.end(); ++inode) {
    if (live_.links(inode) > 0) used_bytes_ += kSimSectorBytes + SpaceOf(live_.size(inode));
  }
}

int SimDisk::Enter(SimCall call, bool takes_space) {
  ++calls_;
  if (calls_ == 1) first_thread_ = std::this_thread::get_id();
  if (first_thread_ != std::this_thread::get_id()) has_several_threads_ = true;
  if (!fault_) return 0;
  const bool concerned =
      fault_->only ? *fault_->only == call : takes_space || !IsAboutSpace(fault_->error);
  if (!concerned) return 0;
  ++fault_calls_;
  const bool fails =
      fault_->lasting == Lasting::kOnce ? fault_calls_ == fault_->nth : fault_calls_ >= fault_->nth;
  if (!fails) return 0;
  ++failures_;
  return fault_->error;
}

std::size_t SimDisk::Record(SimEvent event) {
  events_.push_back(std::move(event));
  return events_.size() - 1;
}

// Others run before the end is recorded, so that what threads do at once overlaps in the journal.
std::size_t SimDisk::Begin(SimCall call, SimEvent event) {
  const std::size_t begin = Record(std::move(event));
  if (has_several_threads_) {
    mutex_.unlock();
    std::this_thread::yield();
    mutex_.lock();
  }
  if (auto held = held_.find(call); held != held_.end()) {
    ++held->second;
    changed_.NotifyAll();
    while (held_.contains(call)) changed_.Wait(mutex_);
  }
  return begin;
}

std::uint64_t SimDisk::FreeBytes() const {
  return options_.capacity_bytes - std::min(options_.capacity_bytes, used_bytes_);
}

void SimDisk::Resize(SimInode file, std::uint64_t size) {
  used_bytes_ += SpaceOf(size) - SpaceOf(live_.size(file));
  live_.Resize(file, size);
}

void SimDisk::FreeIfUnused(SimInode inode) {
  if (live_.links(inode) > 0 || open_.contains(inode)) return;
  used_bytes_ -= kSimSectorBytes;
  Resize(inode, 0);
}

int SimDisk::ReadAt(SimInode file, std::uint64_t offset, std::span<char> out, std::size_t& done) {
  MutexLock lock(mutex_);
  if (const int error = Enter(SimCall::kRead, false)) return error;
  for (const BadRange& bad : bad_ranges_) {
    const bool overlaps = bad.offset < offset + out.size() && offset < bad.offset + bad.size;
    if (bad.inode != file || !overlaps) continue;
    ++failures_;
    return bad.error;
  }
  done = live_.Read(file, offset, out);
  return 0;
}

SimDisk::Written SimDisk::WriteAt(SimInode file, std::uint64_t offset, std::string_view data,
                                  WritePath path) {
  MutexLock lock(mutex_);
  if (data.empty()) return {};
  const bool direct = path == WritePath::kDirect;
  int error = Enter(SimCall::kWrite, true);
  std::uint64_t done = error == 0 ? data.size() : data.size() / 2;
  const std::uint64_t room =
      SpaceOf(live_.size(file)) + FreeBytes() / kSimSectorBytes * kSimSectorBytes;
  if (offset + done > room && room >= live_.size(file)) {
    error = ENOSPC;
    done = room - std::min(room, offset);
  }
  if (direct && error != 0) done -= done % kSimSectorBytes;

  const std::size_t begin =
      Begin(SimCall::kWrite,
            {.kind = Kind::kWriteBegin,
             .inode = file,
             .offset = offset,
             .size = data.size(),
             .data = IsAllZero(data) ? nullptr : std::make_shared<const std::string>(data)});
  if (done > 0) {
    Resize(file, std::max(live_.size(file), offset + done));
    live_.Write(file, offset, data.substr(0, done));
  }
  Record({.kind = Kind::kWriteEnd,
          .durable = direct && !lies_ && error == 0,
          .inode = file,
          .begin = begin,
          .size = done});
  return {.error = error, .offset = offset + done};
}

int SimDisk::Sync(SimInode file) {
  MutexLock lock(mutex_);
  const int error = Enter(SimCall::kSync, false);
  const std::size_t begin = Begin(SimCall::kSync, {.kind = Kind::kSyncBegin, .inode = file});
  Record({.kind = error == 0 ? Kind::kSyncEnd : Kind::kSyncFailed,
          .durable = error == 0 && !lies_,
          .inode = file,
          .begin = begin});
  return error;
}

int SimDisk::Truncate(SimInode file, std::uint64_t size) {
  MutexLock lock(mutex_);
  const std::uint64_t before = live_.size(file);
  if (const int error = Enter(SimCall::kTruncate, size > before)) return error;
  if (size > before && SpaceOf(size) - SpaceOf(before) > FreeBytes()) return ENOSPC;
  Resize(file, size);
  Record({.kind = Kind::kTruncate, .inode = file, .size = size});
  return 0;
}

int SimDisk::Info(SimInode file, FileInfo& out) {
  MutexLock lock(mutex_);
  if (const int error = Enter(SimCall::kInfo, false)) return error;
  out = {.size = live_.size(file), .inode = file, .links = live_.links(file)};
  return 0;
}

int SimDisk::Lock(SimInode file, const void* handle) {
  MutexLock lock(mutex_);
  if (const int error = Enter(SimCall::kLock, false)) return error;
  Open& open = open_[file];
  if (open.locked_by != nullptr && open.locked_by != handle) return EAGAIN;
  open.locked_by = handle;
  Record({.kind = Kind::kLock, .inode = file});
  return 0;
}

int SimDisk::LockDirectory(SimInode directory, const void* handle) {
  const int error = Lock(directory, handle);
  if (error != 0) return error;
  MutexLock lock(mutex_);
  ++open_[directory].handles;
  return 0;
}

void SimDisk::Close(SimInode inode, const void* handle) {
  MutexLock lock(mutex_);
  Open& open = open_[inode];
  if (open.locked_by == handle) open.locked_by = nullptr;
  if (--open.handles > 0) return;
  open_.erase(inode);
  FreeIfUnused(inode);
}

void SimDisk::Mark(std::uint64_t value) {
  MutexLock lock(mutex_);
  Record({.kind = Kind::kMark, .size = value});
}

void SimDisk::Inject(const SimFault& fault) {
  MutexLock lock(mutex_);
  fault_ = fault;
  fault_calls_ = 0;
}

void SimDisk::FailReads(std::string_view path, std::uint64_t offset, std::uint64_t size,
                        int error) {
  MutexLock lock(mutex_);
  if (const auto inode = live_.FindPath(path)) {
    bad_ranges_.push_back({.inode = *inode, .offset = offset, .size = size, .error = error});
  }
}

void SimDisk::ClearFaults() {
  MutexLock lock(mutex_);
  fault_.reset();
  bad_ranges_.clear();
}

std::uint64_t SimDisk::failures() const {
  MutexLock lock(mutex_);
  return failures_;
}

std::uint64_t SimDisk::calls() const {
  MutexLock lock(mutex_);
  return calls_;
}

void SimDisk::Lie() {
  MutexLock lock(mutex_);
  lies_ = true;
}

void SimDisk::SetCapacity(std::uint64_t bytes) {
  MutexLock lock(mutex_);
  options_.capacity_bytes = bytes;
}

std::uint64_t SimDisk::used_bytes() const {
  MutexLock lock(mutex_);
  return used_bytes_;
}

std::size_t SimDisk::open_handles() const {
  MutexLock lock(mutex_);
  std::size_t handles = 0;
  for (const auto& [inode, open] : open_) handles += open.handles;
  return handles;
}

void SimDisk::Hold(SimCall call) {
  MutexLock lock(mutex_);
  held_.emplace(call, 0);
}

void SimDisk::Release(SimCall call) {
  MutexLock lock(mutex_);
  held_.erase(call);
  changed_.NotifyAll();
}

void SimDisk::AwaitHeld(SimCall call, std::size_t count) {
  MutexLock lock(mutex_);
  while (held_.contains(call) && held_[call] < count) changed_.Wait(mutex_);
}

int SimDisk::ReadAll(std::string_view path, std::string& out) const {
  MutexLock lock(mutex_);
  const auto inode = live_.FindPath(path);
  if (!inode) return ENOENT;
  if (live_.type(*inode) != Type::kFile) return EISDIR;
  out.resize(live_.size(*inode));
  live_.Read(*inode, 0, out);
  return 0;
}

int SimDisk::Overwrite(std::string_view path, std::uint64_t offset, std::string_view bytes) {
  MutexLock lock(mutex_);
  const auto inode = live_.FindPath(path);
  if (!inode) return ENOENT;
  if (live_.type(*inode) != Type::kFile) return EISDIR;
  Resize(*inode, std::max(live_.size(*inode), offset + bytes.size()));
  live_.Write(*inode, offset, bytes);
  Record({.kind = Kind::kRot,
          .durable = true,
          .inode = *inode,
          .offset = offset,
          .size = bytes.size(),
          .data = std::make_shared<const std::string>(bytes)});
  return 0;
}

SimDisk::History SimDisk::history() const {
  MutexLock lock(mutex_);
  return {.options = options_, .initial = initial_, .live = live_, .events = events_};
}

std::size_t SimDisk::events() const {
  MutexLock lock(mutex_);
  return events_.size();
}

}  // namespace dr::inline v0
