// Short ways to put things on a simulated disk and to see what a crash may make of them.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "catch2/catch.hpp"
#include "dr/testing/sim_crash.h"
#include "dr/testing/sim_file_system.h"

namespace dr::test {

inline constexpr std::size_t kSector = 512;

inline std::unique_ptr<Directory> Root(SimFileSystem& disk) {
  auto root = disk.OpenDirectory("/", Create::kNever);
  REQUIRE(root.ok());
  return *std::move(root);
}

inline std::unique_ptr<File> OpenFile(SimFileSystem& disk, std::string_view name,
                                      WritePath path = WritePath::kBuffered) {
  auto file = Root(disk)->Open(
      name, {.access = Access::kWrite, .create = Create::kIfMissing, .path = path});
  REQUIRE(file.ok());
  return *std::move(file);
}

/// A file whose content and name are durable, and nothing else is open.
inline void PutDurably(SimFileSystem& disk, std::string_view name, std::string_view content) {
  auto file = OpenFile(disk, name);
  REQUIRE(file->WriteAt(0, content).ok());
  REQUIRE(file->Sync().ok());
  REQUIRE(Root(disk)->Sync().ok());
}

/// What `path` reads as, or "(missing)".
inline std::string ContentOf(const SimFileSystem& disk, std::string_view path) {
  auto content = disk.Read(path);
  return content.ok() ? *std::move(content) : "(missing)";
}

/// Everything a power cut now may leave of `path`.
inline std::set<std::string> Outcomes(const SimFileSystem& disk, std::string_view path,
                                      CrashOptions options = {}) {
  std::set<std::string> outcomes;
  options.from = disk.events();
  VisitCrashStates(disk, options, [&](SimFileSystem& after, const CrashPoint&) {
    outcomes.insert(ContentOf(after, path));
  });
  return outcomes;
}

/// Everything a power cut now may leave of the names in the root.
inline std::set<std::string> NamesAfter(const SimFileSystem& disk, NameOrder order) {
  std::set<std::string> outcomes;
  VisitCrashStates(disk, {.names = order, .from = disk.events()},
                   [&](SimFileSystem& after, const CrashPoint&) {
                     std::string names;
                     const auto entries = Root(after)->List();
                     for (const auto& entry : *entries) names += entry.name;
                     outcomes.insert(names);
                   });
  return outcomes;
}

/// A call on a thread of its own; Join checks that it went well.
class Background {
 public:
  explicit Background(std::function<absl::Status()> call)
      : thread_([this, call = std::move(call)] { status_ = call(); }) {}
  void Join() {
    thread_.join();
    CHECK(status_.ok());
  }

 private:
  absl::Status status_;
  std::thread thread_;
};

/// Memory that direct writes accept.
class AlignedBytes {
 public:
  AlignedBytes(std::size_t size, char fill)
      : bytes_(static_cast<char*>(std::aligned_alloc(kDirectAlignment, size))), size_(size) {
    std::fill_n(bytes_.get(), size, fill);
  }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  struct Free {
    void operator()(char* bytes) const { std::free(bytes); }
  };
  std::unique_ptr<char, Free> bytes_;
  std::size_t size_;
};

}  // namespace dr::test
