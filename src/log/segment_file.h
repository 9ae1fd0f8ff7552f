// Files of a log as values: a thread that works on one without the log's mutex has its own.
#pragma once

#include <cstdint>
#include <memory>

#include "dr/environment/file_system.h"
#include "src/log/log_file_name.h"

namespace dr::inline v0 {

/// An open file and the name that it has now.
struct NamedFile {
  LogFileName name = {};
  std::shared_ptr<File> file = nullptr;
};

/// One file on its way to being, or being, the newest segment. [0, prepared_bytes) was written and
/// synced once, so that a group there is an overwrite: no allocation, no new size, no new metadata.
struct SegmentFile {
  NamedFile segment = {};
  NamedFile head = {};  ///< a block, becomes HEAD together with the segment
  std::uint64_t prepared_bytes = 0;
};

}  // namespace dr::inline v0
