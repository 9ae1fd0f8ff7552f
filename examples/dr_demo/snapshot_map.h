// A hash map whose snapshots cost 128 pointers, whatever its size: an agent's memory grows, but the
// pause that a checkpoint means for its writers does not.
//
//   SnapshotMap<Node> nodes;
//   nodes.At(7).name = "entity";
//   auto view = nodes.Freeze();                  // under the component's lock
//   view.ForEach([](std::uint32_t key, const Node& node) { … });   // without it, while At goes on
//
// Two levels of branches. What has not been touched since the last Freeze is shared with the views;
// the first At that would change it copies the few entries of its leaf.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace demo {

template <class Value>
class SnapshotMap {
  static constexpr int kBits = 7;
  static constexpr std::size_t kFan = std::size_t{1} << kBits;

  struct Leaf {
    std::uint64_t version = 0;
    std::vector<std::pair<std::uint32_t, Value>> entries = {};
  };
  struct Branch {
    std::uint64_t version = 0;
    std::array<std::shared_ptr<Leaf>, kFan> leaves = {};
  };
  using Root = std::array<std::shared_ptr<Branch>, kFan>;

  template <class Visit>
  static void Walk(const Root& root, Visit visit) {
    for (const auto& branch : root) {
      if (branch == nullptr) continue;
      for (const auto& leaf : branch->leaves) {
        if (leaf == nullptr) continue;
        for (const auto& [key, value] : leaf->entries) visit(key, std::as_const(value));
      }
    }
  }

 public:
  /// What the map held when it was frozen. Any thread may read it and let go of it.
  class View {
   public:
    template <class Visit>
    void ForEach(Visit visit) const {
      Walk(root_, visit);
    }

   private:
    friend class SnapshotMap;
    explicit View(Root root) : root_(std::move(root)) {}
    Root root_;
  };

  /// For writing; makes the entry if there is none. Valid until the next call.
  Value& At(std::uint32_t key) {
    auto& entries = Own(Own(root_[Slot(key) >> kBits]).leaves[Slot(key) % kFan]).entries;
    for (auto& [k, value] : entries) {
      if (k == key) return value;
    }
    ++size_;
    return entries.emplace_back(key, Value{}).second;
  }
  const Value* Find(std::uint32_t key) const {
    const Branch* branch = root_[Slot(key) >> kBits].get();
    const Leaf* leaf = branch == nullptr ? nullptr : branch->leaves[Slot(key) % kFan].get();
    if (leaf == nullptr) return nullptr;
    for (const auto& [k, value] : leaf->entries) {
      if (k == key) return &value;
    }
    return nullptr;
  }
  template <class Visit>
  void ForEach(Visit visit) const {
    Walk(root_, visit);
  }
  std::size_t size() const { return size_; }

  /// Leaves the contents alone but makes later writes copy, so it counts as const; not at the same
  /// time as At or another Freeze.
  View Freeze() const {
    ++version_;
    return View(root_);
  }

 private:
  static std::size_t Slot(std::uint32_t key) { return key * 2654435769U >> (32 - 2 * kBits); }

  template <class Part>
  Part& Own(std::shared_ptr<Part>& part) {
    if (part == nullptr) {
      part = std::make_shared<Part>();
    } else if (part->version != version_) {
      part = std::make_shared<Part>(*part);
    }
    part->version = version_;
    return *part;
  }

  Root root_ = {};
  std::size_t size_ = 0;
  mutable std::uint64_t version_ = 0;
};

}  // namespace demo
