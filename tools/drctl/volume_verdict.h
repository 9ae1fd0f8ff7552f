// What a kind of file system means for what dr promises.
#pragma once

#include <string>
#include <vector>

#include "dr/environment/file_system.h"

namespace drctl {

struct VolumeVerdict {
  bool durable = true;  ///< what was acknowledged outlives a power cut, and one host has the lock
  std::vector<std::string> warnings = {};  ///< why not, and what else a person should know
};

VolumeVerdict JudgeVolume(const dr::VolumeInfo& volume);

}  // namespace drctl
