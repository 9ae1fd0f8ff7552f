#include "src/testing/sim/sim_crash_plan.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "fmt/format.h"
#include "src/testing/sim/splitmix.h"

namespace dr::inline v0 {
namespace {

using Kind = CrashPlan::Item::Kind;

CrashOutcome Between(std::size_t index) {
  return static_cast<CrashOutcome>(static_cast<std::size_t>(CrashOutcome::kBetween) + index);
}
std::size_t IndexOf(CrashOutcome outcome) {
  return static_cast<std::size_t>(outcome) - static_cast<std::size_t>(CrashOutcome::kBetween);
}

// kKept is the last of `count` versions, kOld none of them.
std::size_t VersionsKept(CrashOutcome outcome, std::size_t count) {
  if (outcome == CrashOutcome::kKept) return count;
  if (outcome == CrashOutcome::kOld) return 0;
  return IndexOf(outcome) + 1;
}

std::vector<CrashOutcome> OutcomesOfVersions(std::size_t count) {
  std::vector<CrashOutcome> outcomes = {CrashOutcome::kKept, CrashOutcome::kOld};
  for (std::size_t i = 0; i + 1 < count; ++i) outcomes.push_back(Between(i));
  return outcomes;
}

// Puts the end of `old` behind the beginning of `content`, so that both show if they can: the cut
// is between the first and the last byte that differ.
void Tear(const std::string& old, std::uint64_t random, std::string& content) {
  const auto first = std::ranges::mismatch(content, old).in1 - content.begin();
  const auto last =
      std::mismatch(content.rbegin(), content.rend(), old.rbegin()).first.base() - content.begin();
  if (last - first < 2) return;
  const auto cut =
      first + 1 +
      static_cast<std::ptrdiff_t>(random % static_cast<std::uint64_t>(last - first - 1));
  std::copy(old.begin() + cut, old.end(), content.begin() + cut);
}

}  // namespace

CrashPlan::CrashPlan(const SimHistory& history, NameOrder order, std::size_t items_max)
    : history_(history) {
  AddNames(order);
  std::set<SimInode> inodes;
  for (const auto& [inode, file] : history.files()) inodes.insert(inode);
  for (const auto& [inode, write] : history.under_way()) inodes.insert(inode);
  for (SimInode inode : inodes) {
    if (history.IsReachable(inode)) AddFile(inode);
  }
  if (items_.size() > items_max) return;
  for (Item& item : items_) {
    if (item.kind == Kind::kSector) RemoveTwins(item);
  }
}

void CrashPlan::AddNames(NameOrder order) {
  const auto& names = history_.names();
  if (order == NameOrder::kInOrder && !names.empty()) {
    items_.push_back({.kind = Kind::kNamesInOrder, .outcomes = OutcomesOfVersions(names.size())});
    return;
  }
  for (const auto& [index, name] : names) {
    items_.push_back({.kind = Kind::kName, .index = index, .outcomes = OutcomesOfVersions(1)});
  }
}

void CrashPlan::AddFile(SimInode inode) {
  Item size{.kind = Kind::kSize, .inode = inode};
  std::map<std::uint64_t, std::vector<const SimHistory::Change*>> sectors;
  std::uint64_t now = history_.durable().size(inode);
  auto add = [&](const SimHistory::Change& change) {
    const std::uint64_t end = change.offset + change.size;
    const std::uint64_t after = change.is_resize ? change.size : std::max(now, end);
    if (change.is_resize) {
      const bool cuts_sector = change.size % kSimSectorBytes != 0 && change.size < now;
      if (cuts_sector) sectors[change.size / kSimSectorBytes].push_back(&change);
    } else {
      const std::uint64_t last = (end + kSimSectorBytes - 1) / kSimSectorBytes;
      for (std::uint64_t s = change.offset / kSimSectorBytes; s < last; ++s) {
        sectors[s].push_back(&change);
      }
    }
    if (after != now) size.sizes.push_back(after);
    now = after;
  };
  if (const auto file = history_.files().find(inode); file != history_.files().end()) {
    for (const auto& [sector, content] : file->second.dropped) sectors[sector];
    for (const SimHistory::Change& change : file->second.changes) add(change);
  }
  const auto [begin, end] = history_.under_way().equal_range(inode);
  for (auto it = begin; it != end; ++it) add(it->second);

  if (!size.sizes.empty()) {
    size.outcomes = OutcomesOfVersions(size.sizes.size());
    items_.push_back(std::move(size));
  }
  for (auto& [sector, changes] : sectors) {
    Item item{.kind = Kind::kSector, .inode = inode, .index = sector};
    item.outcomes = {CrashOutcome::kKept, CrashOutcome::kOld, CrashOutcome::kZero,
                     CrashOutcome::kGarbage, CrashOutcome::kTorn};
    for (std::size_t i = 0; i + 1 < changes.size(); ++i) item.outcomes.push_back(Between(i));
    item.changes = std::move(changes);
    items_.push_back(std::move(item));
  }
}

// Outcomes with the same bytes are one state, not several.
void CrashPlan::RemoveTwins(Item& item) const {
  std::vector<std::string> seen;
  std::erase_if(item.outcomes, [&](CrashOutcome outcome) {
    std::string content = SectorContent(item, outcome, 0);
    if (std::ranges::find(seen, content) != seen.end()) return true;
    seen.push_back(std::move(content));
    return false;
  });
}

std::string CrashPlan::SectorContent(const Item& item, CrashOutcome outcome,
                                     std::uint64_t seed) const {
  std::uint64_t random = seed ^ (item.index * 0x2545F4914F6CDD1D) ^ item.inode;
  std::string content(kSimSectorBytes, '\0');
  if (outcome == CrashOutcome::kZero) return content;
  if (outcome == CrashOutcome::kGarbage) {
    for (std::size_t i = 0; i < content.size(); i += sizeof(std::uint64_t)) {
      const std::uint64_t bytes = NextOf(random);
      std::memcpy(content.data() + i, &bytes, sizeof(bytes));
    }
    return content;
  }
  content = SimHistory::SectorOf(history_.durable(), item.inode, item.index);
  if (outcome == CrashOutcome::kOld) return content;
  const std::string old = content;
  const auto file = history_.files().find(item.inode);
  if (file != history_.files().end()) {
    const auto dropped = file->second.dropped.find(item.index);
    if (dropped != file->second.dropped.end()) content = dropped->second;
  }
  const std::size_t count = item.changes.size();
  const std::size_t kept = outcome >= CrashOutcome::kBetween ? VersionsKept(outcome, count) : count;
  for (std::size_t i = 0; i < kept; ++i) item.changes[i]->Overlay(item.index, content);
  if (outcome == CrashOutcome::kTorn) Tear(old, NextOf(random), content);
  return content;
}

bool CrashPlan::IsNameKept(std::size_t nth, std::size_t event,
                           std::span<const CrashOutcome> outcomes) const {
  if (items_[0].kind == Kind::kNamesInOrder) {
    return nth < VersionsKept(outcomes[0], history_.names().size());
  }
  return items_[nth].index == event && outcomes[nth] == CrashOutcome::kKept;
}

SimImage CrashPlan::Build(std::span<const CrashOutcome> outcomes, std::uint64_t seed) const {
  SimImage image = history_.durable();
  std::size_t nth = 0;
  for (const auto& [index, name] : history_.names()) {
    if (IsNameKept(nth++, index, outcomes)) ApplyName(name, image);
  }
  std::string run;  // neighbouring sectors, written at once
  std::uint64_t run_begin = 0;
  auto flush = [&](SimInode inode) {
    const std::uint64_t offset = run_begin * kSimSectorBytes;
    const std::uint64_t size = image.size(inode);
    if (offset < size) image.Write(inode, offset, std::string_view(run).substr(0, size - offset));
    run.clear();
  };
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const Item& item = items_[i];
    if (item.kind == Kind::kSize) {
      const std::size_t kept = VersionsKept(outcomes[i], item.sizes.size());
      if (kept == 0) continue;
      const auto smallest = std::min_element(
          item.sizes.begin(), item.sizes.begin() + static_cast<std::ptrdiff_t>(kept));
      if (*smallest < image.size(item.inode)) image.Resize(item.inode, *smallest);
      image.Resize(item.inode, item.sizes[kept - 1]);
    }
    if (item.kind != Kind::kSector || outcomes[i] == CrashOutcome::kOld) continue;
    if (run.empty()) run_begin = item.index;
    run += SectorContent(item, outcomes[i], seed);
    const bool goes_on = i + 1 < items_.size() && items_[i + 1].kind == Kind::kSector &&
                         items_[i + 1].inode == item.inode &&
                         items_[i + 1].index == item.index + 1 &&
                         outcomes[i + 1] != CrashOutcome::kOld;
    if (!goes_on) flush(item.inode);
  }
  return image;
}

std::string CrashPlan::Describe(std::span<const CrashOutcome> outcomes) const {
  constexpr std::array<std::string_view, 5> kNames = {"kept", "lost", "zeros", "garbage", "torn"};
  std::string out;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const Item& item = items_[i];
    switch (item.kind) {
      case Kind::kName:
        out += fmt::format("  {}: ", dr::Describe(history_.names().at(item.index)));
        break;
      case Kind::kNamesInOrder:
        out += fmt::format("  {} names: ", history_.names().size());
        break;
      case Kind::kSize:
        out += fmt::format("  size of inode {}: ", item.inode);
        break;
      case Kind::kSector:
        out += fmt::format("  inode {} sector {}: ", item.inode, item.index);
        break;
    }
    out += outcomes[i] < CrashOutcome::kBetween
               ? fmt::format("{}\n", kNames[static_cast<std::size_t>(outcomes[i])])
               : fmt::format("version {}\n", IndexOf(outcomes[i]) + 1);
  }
  return out;
}

}  // namespace dr::inline v0
