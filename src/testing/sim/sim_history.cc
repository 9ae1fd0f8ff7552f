#include "src/testing/sim/sim_history.h"

#include <algorithm>
#include <utility>

namespace dr::inline v0 {
namespace {

using Kind = SimEvent::Kind;

std::uint64_t SectorsEnd(std::uint64_t offset, std::uint64_t size) {
  return (offset + size + kSimSectorBytes - 1) / kSimSectorBytes;
}

}  // namespace

std::string SimHistory::Change::Bytes() const {
  return data ? data->substr(data_offset, size) : std::string(size, '\0');
}

void SimHistory::Change::Overlay(std::uint64_t sector, std::string& content) const {
  const std::uint64_t start = sector * kSimSectorBytes;
  if (is_resize) {
    const std::uint64_t kept = std::clamp(size, start, start + kSimSectorBytes) - start;
    std::fill(content.begin() + static_cast<std::ptrdiff_t>(kept), content.end(), '\0');
    return;
  }
  const std::uint64_t from = std::max(offset, start);
  const std::uint64_t to = std::min(offset + size, start + kSimSectorBytes);
  if (from >= to) return;
  const auto at = content.begin() + static_cast<std::ptrdiff_t>(from - start);
  if (data) {
    std::copy_n(data->data() + data_offset + (from - offset), to - from, at);
  } else {
    std::fill_n(at, to - from, '\0');
  }
}

std::string SimHistory::SectorOf(const SimImage& image, SimInode file, std::uint64_t sector) {
  std::string content(kSimSectorBytes, '\0');
  image.Read(file, sector * kSimSectorBytes, content);
  return content;
}

bool SimHistory::IsReachable(SimInode inode) const {
  return durable_.links(inode) > 0 ||
         std::ranges::any_of(names_, [&](const auto& name) { return name.second.inode == inode; });
}

void SimHistory::Apply(const SimEvent& event, std::size_t index) {
  switch (event.kind) {
    case Kind::kWriteBegin:
      under_way_.emplace(
          event.inode,
          Change{.begin = index, .offset = event.offset, .size = event.size, .data = event.data});
      break;
    case Kind::kWriteEnd:
      EndWrite(event, index);
      break;
    case Kind::kTruncate:
      live_.Resize(event.inode, event.size);
      files_[event.inode].changes.push_back(
          {.is_resize = true, .begin = index, .end = index, .size = event.size});
      break;
    case Kind::kSyncEnd:
      if (event.durable) SyncFile(event);
      break;
    case Kind::kSyncFailed:
      FailSync(event);
      break;
    case Kind::kEvict:
      Evict(event.inode);
      break;
    case Kind::kCreate:
      durable_.Add(event.inode, event.type);
      live_.Add(event.inode, event.type);
      [[fallthrough]];
    case Kind::kRename:
    case Kind::kLink:
    case Kind::kRemove:
      ApplyName(event, live_);
      names_.emplace(index, event);
      break;
    case Kind::kSyncNamesEnd:
      if (event.durable) SyncNames(event);
      break;
    case Kind::kRot:
      durable_.Write(event.inode, event.offset, *event.data);
      live_.Write(event.inode, event.offset, *event.data);
      break;
    case Kind::kSyncBegin:
    case Kind::kSyncNamesBegin:
    case Kind::kLock:
    case Kind::kMark:
      break;
  }
}

std::vector<SimEvent> SimHistory::FinishWrites() const {
  std::vector<SimEvent> ends;
  for (const auto& [inode, write] : under_way_) {
    ends.push_back(
        {.kind = Kind::kWriteEnd, .inode = inode, .begin = write.begin, .size = write.size});
  }
  return ends;
}

void SimHistory::EndWrite(const SimEvent& event, std::size_t index) {
  auto [it, last] = under_way_.equal_range(event.inode);
  it = std::find_if(it, last, [&](const auto& w) { return w.second.begin == event.begin; });
  Change write = std::move(it->second);
  under_way_.erase(it);
  write.end = index;
  write.size = event.size;
  if (write.size == 0) return;
  live_.Write(event.inode, write.offset, write.Bytes());
  if (event.durable) {
    Supersede(files_[event.inode], write.offset, write.offset + write.size);
    Settle(event.inode, write);
  } else {
    files_[event.inode].changes.push_back(std::move(write));
  }
}

// What a direct write made durable may not be taken back by an older write that is synced later.
void SimHistory::Supersede(OpenFile& file, std::uint64_t begin, std::uint64_t end) {
  std::vector<Change> kept;
  for (Change& change : file.changes) {
    const std::uint64_t change_end = change.offset + change.size;
    if (change.is_resize || change_end <= begin || end <= change.offset) {
      kept.push_back(std::move(change));
      continue;
    }
    if (change.offset < begin) {
      kept.push_back(change);
      kept.back().size = begin - change.offset;
    }
    if (change_end > end) {
      kept.push_back(change);
      kept.back().offset = end;
      kept.back().size = change_end - end;
      kept.back().data_offset += end - change.offset;
    }
  }
  file.changes = std::move(kept);
}

void SimHistory::Settle(SimInode inode, const Change& change) {
  auto& dropped = files_[inode].dropped;
  if (change.is_resize) {
    durable_.Resize(inode, change.size);
    dropped.erase(dropped.lower_bound(SectorsEnd(change.size, 0)), dropped.end());
    const auto cut = dropped.find(change.size / kSimSectorBytes);
    if (cut != dropped.end()) change.Overlay(cut->first, cut->second);
    return;
  }
  // The cache holds whole sectors: the neighbours of the new bytes go to the disk with them.
  const auto first = dropped.lower_bound(change.offset / kSimSectorBytes);
  const auto last = dropped.lower_bound(SectorsEnd(change.offset, change.size));
  for (auto it = first; it != last; ++it) {
    durable_.Write(inode, it->first * kSimSectorBytes, it->second);
  }
  dropped.erase(first, last);
  durable_.Write(inode, change.offset, change.Bytes());
}

void SimHistory::SyncFile(const SimEvent& event) {
  const auto file = files_.find(event.inode);
  if (file == files_.end()) return;
  auto& changes = file->second.changes;
  const auto covered = std::ranges::partition_point(
      changes, [&](const Change& change) { return change.end < event.begin; });
  for (auto it = changes.begin(); it != covered; ++it) Settle(event.inode, *it);
  changes.erase(changes.begin(), covered);
}

// The sizes stay to be synced by the next, as they are metadata; the content does not.
void SimHistory::FailSync(const SimEvent& event) {
  OpenFile& file = files_[event.inode];
  std::uint64_t size = durable_.size(event.inode);
  for (Change& change : file.changes) {
    if (change.end >= event.begin) break;
    if (!change.is_resize) {
      for (std::uint64_t sector = change.offset / kSimSectorBytes;
           sector < SectorsEnd(change.offset, change.size); ++sector) {
        auto it = file.dropped.find(sector);
        if (it == file.dropped.end()) {
          it = file.dropped.emplace(sector, SectorOf(durable_, event.inode, sector)).first;
        }
        change.Overlay(sector, it->second);
      }
      const std::uint64_t end = std::max(size, change.offset + change.size);
      change = {.is_resize = true, .begin = change.begin, .end = change.end, .size = end};
    }
    size = change.size;
  }
}

void SimHistory::Evict(SimInode inode) {
  for (const auto& [sector, content] : files_[inode].dropped) {
    const std::uint64_t offset = sector * kSimSectorBytes;
    if (offset >= live_.size(inode)) continue;
    const std::string old = SectorOf(durable_, inode, sector);
    live_.Write(inode, offset, old.substr(0, live_.size(inode) - offset));
  }
  files_[inode].dropped.clear();
}

void SimHistory::SyncNames(const SimEvent& event) {
  const bool all = order_ == NameOrder::kInOrder;
  std::erase_if(names_, [&](const auto& name) {
    const auto& [index, change] = name;
    if (index >= event.begin || (!all && change.directory != event.directory)) return false;
    ApplyName(change, durable_);
    return true;
  });
  std::erase_if(files_, [&](const auto& file) {
    return live_.links(file.first) == 0 && !IsReachable(file.first);
  });
}

}  // namespace dr::inline v0
