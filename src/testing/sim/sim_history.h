// A journal read up to some moment: what is durable by then, what a reader sees, and what is open.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dr/testing/sim_crash.h"
#include "src/testing/sim/sim_image.h"
#include "src/testing/sim/sim_journal.h"

namespace dr::inline v0 {

/// A value. Events are applied in the order of the journal.
class SimHistory {
 public:
  /// A write, or a change of size, that may or may not be on the disk.
  struct Change {
    bool is_resize = false;
    std::size_t begin = 0;  // its events
    std::size_t end = 0;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;                        // of the write, or the file's new one
    std::shared_ptr<const std::string> data = {};  // null: zeros
    std::uint64_t data_offset = 0;

    std::string Bytes() const;
    /// Puts the part of a write that lies in `sector` over `content`, or cuts it to a new size.
    void Overlay(std::uint64_t sector, std::string& content) const;
  };
  struct OpenFile {
    std::vector<Change> changes;  // in the order in which they ended
    std::map<std::uint64_t, std::string>
        dropped;  // sectors that a failed sync left in the cache only
  };

  SimHistory(const SimImage& initial, NameOrder order)
      : durable_(initial), live_(initial), order_(order) {}

  void Apply(const SimEvent& event, std::size_t index);
  /// An end for each write under way, as if all of it were done.
  std::vector<SimEvent> FinishWrites() const;

  const SimImage& durable() const { return durable_; }
  const SimImage& live() const { return live_; }
  const std::map<SimInode, OpenFile>& files() const { return files_; }
  /// Begun and not ended, by inode.
  const std::multimap<SimInode, Change>& under_way() const { return under_way_; }
  const std::map<std::size_t, SimEvent>& names() const { return names_; }  ///< not synced, in order
  /// A name leads to it, or may.
  bool IsReachable(SimInode inode) const;

  /// The content of `sector` of `file` in `image`, padded with zeros to its full length.
  static std::string SectorOf(const SimImage& image, SimInode file, std::uint64_t sector);

 private:
  void EndWrite(const SimEvent& event, std::size_t index);
  void Supersede(OpenFile& file, std::uint64_t begin, std::uint64_t end);
  void Settle(SimInode inode, const Change& change);
  void SyncFile(const SimEvent& event);
  void FailSync(const SimEvent& event);
  void Evict(SimInode inode);
  void SyncNames(const SimEvent& event);

  SimImage durable_;
  SimImage live_;
  NameOrder order_;
  std::map<SimInode, OpenFile> files_;
  std::multimap<SimInode, Change> under_way_;
  std::map<std::size_t, SimEvent> names_;
};

}  // namespace dr::inline v0
