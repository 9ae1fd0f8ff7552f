#include "src/testing/sim/sim_journal.h"

#include "fmt/format.h"

namespace dr::inline v0 {

void ApplyName(const SimEvent& event, SimImage& image) {
  switch (event.kind) {
    case SimEvent::Kind::kCreate:
    case SimEvent::Kind::kLink:
      image.SetEntry(event.directory, event.kind == SimEvent::Kind::kLink ? event.to : event.name,
                     event.inode);
      break;
    case SimEvent::Kind::kRename:
      image.EraseEntry(event.directory, event.name);
      image.SetEntry(event.directory, event.to, event.inode);
      break;
    case SimEvent::Kind::kRemove:
      image.EraseEntry(event.directory, event.name);
      break;
    default:
      break;
  }
}

std::string Describe(const SimEvent& e) {
  using Kind = SimEvent::Kind;
  const std::string_view sure = e.durable ? "durable" : "not durable";
  switch (e.kind) {
    case Kind::kWriteBegin:
      return fmt::format("write of inode {} [{}, {}) begins", e.inode, e.offset, e.offset + e.size);
    case Kind::kWriteEnd:
      return fmt::format("write of event {} ends, {} bytes, {}", e.begin, e.size, sure);
    case Kind::kTruncate:
      return fmt::format("inode {} resized to {}", e.inode, e.size);
    case Kind::kSyncBegin:
      return fmt::format("sync of inode {} begins", e.inode);
    case Kind::kSyncEnd:
      return fmt::format("sync of event {} ends, {}", e.begin, sure);
    case Kind::kSyncFailed:
      return fmt::format("sync of event {} fails", e.begin);
    case Kind::kEvict:
      return fmt::format("inode {} leaves the cache", e.inode);
    case Kind::kCreate:
      return fmt::format("directory {}: create {} as inode {}", e.directory, e.name, e.inode);
    case Kind::kRename:
      return fmt::format("directory {}: rename {} to {}", e.directory, e.name, e.to);
    case Kind::kLink:
      return fmt::format("directory {}: link {} as {}", e.directory, e.name, e.to);
    case Kind::kRemove:
      return fmt::format("directory {}: remove {}", e.directory, e.name);
    case Kind::kSyncNamesBegin:
      return fmt::format("sync of directory {} begins", e.directory);
    case Kind::kSyncNamesEnd:
      return fmt::format("sync of event {} ends, {}", e.begin, sure);
    case Kind::kLock:
      return fmt::format("inode {} locked", e.inode);
    case Kind::kRot:
      return fmt::format("inode {} [{}, {}) rots", e.inode, e.offset, e.offset + e.size);
    case Kind::kMark:
      return fmt::format("mark {}", e.size);
  }
  return "";
}

}  // namespace dr::inline v0
