#include "src/testing/sim/sim_image.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace dr::inline v0 {
namespace {

bool IsZero(std::string_view data) {
  return data.empty() ||
         (data[0] == '\0' && std::memcmp(data.data(), data.data() + 1, data.size() - 1) == 0);
}

}  // namespace

SimImage::SimImage() {
  Add(kRoot, Type::kDirectory);
  nodes_[kRoot].links = 1;
}

void SimImage::Add(SimInode inode, Type type) {
  if (nodes_.size() <= inode) nodes_.resize(inode + 1);
  static const auto kEmptyBody = std::make_shared<const Body>();
  static const auto kNoEntries = std::make_shared<const Entries>();
  nodes_[inode] = {.type = type, .body = kEmptyBody, .entries = kNoEntries};
}

std::uint64_t SimImage::size(SimInode inode) const { return nodes_[inode].body->size; }

std::optional<SimInode> SimImage::Find(SimInode directory, std::string_view name) const {
  const Entries& all = entries(directory);
  const auto it = all.find(name);
  if (it == all.end()) return std::nullopt;
  return it->second;
}

std::optional<SimInode> SimImage::FindPath(std::string_view path) const {
  SimInode at = kRoot;
  while (true) {
    path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
    if (path.empty()) return at;
    const std::string_view name = path.substr(0, path.find('/'));
    const std::optional<SimInode> next = Find(at, name);
    if (!next) return std::nullopt;
    at = *next;
    path.remove_prefix(name.size());
  }
}

void SimImage::SetEntry(SimInode directory, std::string_view name, SimInode target) {
  ++nodes_[target].links;
  EraseEntry(directory, name);
  auto changed = std::make_shared<Entries>(entries(directory));
  changed->emplace(name, target);
  nodes_[directory].entries = std::move(changed);
}

void SimImage::EraseEntry(SimInode directory, std::string_view name) {
  const std::optional<SimInode> target = Find(directory, name);
  if (!target) return;
  --nodes_[*target].links;
  auto changed = std::make_shared<Entries>(entries(directory));
  changed->erase(changed->find(name));
  nodes_[directory].entries = std::move(changed);
}

const SimImage::Page* SimImage::PageAt(const Body& body, std::uint64_t page) {
  const std::uint64_t chunk = page / kChunkPages;
  if (chunk >= body.chunks.size() || body.chunks[chunk] == nullptr) return nullptr;
  return (*body.chunks[chunk])[page % kChunkPages].get();
}

std::size_t SimImage::Read(SimInode file, std::uint64_t offset, std::span<char> out) const {
  const Body& body = *nodes_[file].body;
  if (offset >= body.size) return 0;
  out = out.first(std::min<std::uint64_t>(out.size(), body.size - offset));
  for (std::size_t done = 0; done < out.size();) {
    const std::uint64_t at = offset + done;
    const std::size_t within = at % kPageBytes;
    const std::size_t bytes = std::min(out.size() - done, kPageBytes - within);
    if (const Page* page = PageAt(body, at / kPageBytes)) {
      std::memcpy(out.data() + done, page->data() + within, bytes);
    } else {
      std::memset(out.data() + done, 0, bytes);
    }
    done += bytes;
  }
  return out.size();
}

void SimImage::Overwrite(Body& body, std::uint64_t offset, std::string_view data) {
  std::shared_ptr<Chunk> chunk;
  std::uint64_t chunk_index = 0;
  while (!data.empty()) {
    const std::uint64_t page = offset / kPageBytes;
    const std::size_t within = offset % kPageBytes;
    const std::size_t bytes = std::min(data.size(), kPageBytes - within);
    if (chunk == nullptr || chunk_index != page / kChunkPages) {
      chunk_index = page / kChunkPages;
      if (body.chunks.size() <= chunk_index) body.chunks.resize(chunk_index + 1);
      auto& place = body.chunks[chunk_index];
      chunk = place ? std::make_shared<Chunk>(*place) : std::make_shared<Chunk>();
      place = chunk;
    }
    std::shared_ptr<const Page>& old = (*chunk)[page % kChunkPages];
    const std::string_view part = data.substr(0, bytes);
    if (IsZero(part) && (old == nullptr || bytes == kPageBytes)) {
      old = nullptr;
    } else {
      auto changed = old ? std::make_shared<Page>(*old) : std::make_shared<Page>(Page{});
      std::memcpy(changed->data() + within, part.data(), bytes);
      old = std::move(changed);
    }
    data.remove_prefix(bytes);
    offset += bytes;
  }
}

void SimImage::Write(SimInode file, std::uint64_t offset, std::string_view data) {
  if (data.empty()) return;
  auto body = std::make_shared<Body>(*nodes_[file].body);
  Overwrite(*body, offset, data);
  body->size = std::max(body->size, offset + data.size());
  nodes_[file].body = std::move(body);
}

void SimImage::Resize(SimInode file, std::uint64_t size) {
  auto body = std::make_shared<Body>(*nodes_[file].body);
  if (size < body->size) {
    constexpr std::uint64_t kChunkBytes = kPageBytes * kChunkPages;
    const std::uint64_t chunks = (size + kChunkBytes - 1) / kChunkBytes;
    if (body->chunks.size() > chunks) body->chunks.resize(chunks);
    const std::uint64_t end = std::min(body->size, chunks * kChunkBytes);
    if (end > size) Overwrite(*body, size, std::string(end - size, '\0'));
  }
  body->size = size;
  nodes_[file].body = std::move(body);
}

}  // namespace dr::inline v0
