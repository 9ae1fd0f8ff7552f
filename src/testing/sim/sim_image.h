// The contents of a simulated disk at one moment: files and directories by inode number.
//
// A value: copying one shares everything, changing one copies only the pages it touches. Pages are
// never changed once they are shared, so copies may be used by different threads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dr::inline v0 {

using SimInode = std::uint32_t;

class SimImage {
 public:
  enum class Type : std::uint8_t { kNone, kFile, kDirectory };
  using Entries = std::map<std::string, SimInode, std::less<>>;
  static constexpr SimInode kRoot = 1;

  /// An empty root directory.
  SimImage();

  void Add(SimInode inode, Type type);
  SimInode end() const { return static_cast<SimInode>(nodes_.size()); }  ///< above every inode
  Type type(SimInode inode) const { return nodes_[inode].type; }
  std::uint64_t size(SimInode inode) const;
  std::uint32_t links(SimInode inode) const { return nodes_[inode].links; }

  const Entries& entries(SimInode directory) const { return *nodes_[directory].entries; }
  std::optional<SimInode> Find(SimInode directory, std::string_view name) const;
  /// The inode of a path below the root; slashes at either end do not count.
  std::optional<SimInode> FindPath(std::string_view path) const;
  void SetEntry(SimInode directory, std::string_view name, SimInode target);
  void EraseEntry(SimInode directory, std::string_view name);

  std::size_t Read(SimInode file, std::uint64_t offset, std::span<char> out) const;
  /// Extends the file where needed; what was never written reads as zeros.
  void Write(SimInode file, std::uint64_t offset, std::string_view data);
  void Resize(SimInode file, std::uint64_t size);

 private:
  static constexpr std::size_t kPageBytes = 4096;
  static constexpr std::size_t kChunkPages = 64;
  using Page = std::array<char, kPageBytes>;
  using Chunk = std::array<std::shared_ptr<const Page>, kChunkPages>;  // null: zeros
  struct Body {
    std::uint64_t size = 0;                                 // bytes beyond it are zero
    std::vector<std::shared_ptr<const Chunk>> chunks = {};  // null, or missing at the end: zeros
  };
  struct Node {
    Type type = Type::kNone;
    std::uint32_t links = 0;
    std::shared_ptr<const Body> body = {};
    std::shared_ptr<const Entries> entries = {};
  };

  static const Page* PageAt(const Body& body, std::uint64_t page);
  static void Overwrite(Body& body, std::uint64_t offset, std::string_view data);

  std::vector<Node> nodes_;  // by inode
};

}  // namespace dr::inline v0
