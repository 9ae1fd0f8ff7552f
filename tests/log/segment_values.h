// Values of a log for tests that need no log: files on a simulated disk, prefixes, segments.
#pragma once

#include <catch2/catch.hpp>
#include <memory>

#include "dr/testing/sim_file_system.h"
#include "src/log/segment_chain.h"
#include "src/log/segment_files.h"
#include "tests/log/log_fixture.h"

namespace dr::test {

constexpr std::uint64_t kSegmentBytes = 16 * kBlockBytes;

/// A folder of its own.
struct SimFolder {
  explicit SimFolder(const SimOptions& options = {}) : disk(options) {}

  std::shared_ptr<File> Open(std::string_view name, WritePath path = WritePath::kBuffered) const {
    return Value(directory->Open(
        name, {.access = Access::kWrite, .create = Create::kIfMissing, .path = path}));
  }
  bool Has(std::string_view name) const { return directory->Info(name).ok(); }
  SegmentFile Spare(std::uint64_t number, std::uint64_t prepared_bytes) const {
    const LogFileName name(number, ".spare"), head(number, ".head.tmp");
    return {.segment = {name, Open(name)},
            .head = {head, Open(head)},
            .prepared_bytes = prepared_bytes};
  }

  SimFileSystem disk;
  std::unique_ptr<Directory> directory = Value(disk.OpenDirectory("log", Create::kIfMissing));
};

/// Of segment `number`, which begins with `first` and follows one that has the number as its salt.
inline SegmentPrefix PrefixOf(std::uint64_t number, Lsn first) {
  SegmentPrefix prefix{.block_bytes = kBlockBytes,
                       .log = {1, 2},
                       .number = number,
                       .salt = number,
                       .epoch = {1},
                       .first_lsn = first,
                       .durable_lsn = {first.value - 1}};
  if (number > 1) {
    prefix.previous = {.number = number - 1,
                       .salt = number - 1,
                       .offset = kSegmentBytes,
                       .last_lsn = {first.value - 1}};
  }
  return prefix;
}

}  // namespace dr::test
