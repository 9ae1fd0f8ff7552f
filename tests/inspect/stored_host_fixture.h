// A host's directory that a test fills, damages and looks at.
#pragma once

#include <catch2/catch.hpp>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "dr/batch.h"
#include "dr/inspect/log_files.h"
#include "dr/inspect/stored_host.h"
#include "tests/host/counter_component.h"
#include "tests/log/log_fixture.h"

namespace dr::test {

/// Opens a host there, with small files, and ends it like a kill when `work` is done.
inline void RunHost(const std::string& path, absl::FunctionRef<void(Host&, Counters&)> work) {
  Counters counters;
  HostOptions options;
  options.directory = path;
  options.components = {&counters};
  options.checkpoint.on_shutdown = false;
  options.log = {.segment_bytes = 64 << 10, .group_bytes = 8 << 10, .ring_capacity = 8};
  const auto host = Value(Host::Open(std::move(options), {}));
  work(*host, counters);
}

/// How often the host's component was added to.
inline std::uint64_t TotalAt(const std::string& path) {
  std::uint64_t total = 0;
  RunHost(path, [&](Host&, Counters& counters) { total = counters.Total(); });
  return total;
}

inline void AddMany(Counters& counters, int times) {
  for (int i = 0; i < times; ++i) REQUIRE_OK(counters.Add("n"));
}

inline void AddBatch(Counters& counters, std::size_t operations) {
  REQUIRE_OK(CommitAll(std::vector<ComponentCommit>(operations, {&counters, "batch"})));
}

inline void FlipBit(const std::string& file, std::uint64_t offset) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(offset));
  const int byte = stream.get();
  REQUIRE(byte != std::char_traits<char>::eof());
  stream.seekp(static_cast<std::streamoff>(offset));
  stream.put(static_cast<char>(byte ^ 0x40));
  REQUIRE(stream.good());
}

/// The places of a test.
struct Places {
  TempDirectory directory;
  std::string host = directory.path() + "/host";
  std::string wal = host + "/g-000001/wal";
  std::string output = directory.path() + "/new";

  /// The log's files, oldest first.
  std::vector<std::string> Segments() const {
    std::vector<std::string> segments;
    for (const SegmentFileInfo& segment :
         Value(InspectLog(Value(StoredHost::Open(wal)))).segments) {
      segments.push_back(wal + "/" + segment.name);
    }
    return segments;
  }

  /// Flips a bit in the group that operation `lsn` alone is in.
  GroupInFile Damage(Lsn lsn, std::string* segment = nullptr) const {
    for (const SegmentFileInfo& file : Value(InspectLog(Value(StoredHost::Open(wal)))).segments) {
      for (const GroupInFile& group : file.groups) {
        if (group.header.first_lsn != lsn || group.header.record_count != 1) continue;
        FlipBit(wal + "/" + file.name, group.offset + 120);
        if (segment != nullptr) *segment = file.name;
        return group;
      }
    }
    FAIL("there is no such group");
    return {};
  }
};

}  // namespace dr::test
