// Makes disks, and looks into them, for the sources beside.
#pragma once

#include <memory>

#include "dr/testing/sim_file_system.h"
#include "src/testing/sim/sim_disk.h"

namespace dr::inline v0 {

class SimAccess {
 public:
  static std::unique_ptr<SimFileSystem> Make(const SimOptions& options, const SimImage& initial,
                                             const SimImage& live, SimEvents events) {
    return std::unique_ptr<SimFileSystem>(
        new SimFileSystem(std::make_unique<SimDisk>(options, initial, live, std::move(events))));
  }
  static SimDisk::History HistoryOf(const SimFileSystem& files) { return files.disk_->history(); }
};

}  // namespace dr::inline v0
