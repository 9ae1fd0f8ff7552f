// Everything a power cut at one moment may leave: the items that are open, the outcomes of each,
// and the disk that results from a choice among them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "src/testing/sim/sim_history.h"

namespace dr::inline v0 {

/// What becomes of one item. Above kTorn: one of the contents, sizes or prefixes between.
enum class CrashOutcome : std::uint32_t { kKept, kOld, kZero, kGarbage, kTorn, kBetween };

class CrashPlan {
 public:
  /// `history` must outlive the plan. With more than `items_max` items outcomes that cannot be told
  /// from each other are not sorted out, as that takes long.
  CrashPlan(const SimHistory& history, NameOrder order, std::size_t items_max);

  struct Item {
    enum class Kind : std::uint8_t { kName, kNamesInOrder, kSize, kSector };
    Kind kind;
    SimInode inode = 0;
    std::uint64_t index = 0;                              // the sector, or the event of the name
    std::vector<const SimHistory::Change*> changes = {};  // of a sector
    std::vector<std::uint64_t> sizes = {};
    std::vector<CrashOutcome> outcomes = {};
  };

  const std::vector<Item>& items() const { return items_; }
  SimImage Build(std::span<const CrashOutcome> outcomes, std::uint64_t seed) const;
  std::string Describe(std::span<const CrashOutcome> outcomes) const;

 private:
  void AddNames(NameOrder order);
  void AddFile(SimInode inode);
  void RemoveTwins(Item& item) const;
  bool IsNameKept(std::size_t nth, std::size_t event, std::span<const CrashOutcome> outcomes) const;
  std::string SectorContent(const Item& item, CrashOutcome outcome, std::uint64_t seed) const;

  const SimHistory& history_;
  std::vector<Item> items_;
};

}  // namespace dr::inline v0
