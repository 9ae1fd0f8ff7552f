// Checkpoints of plain records, written and read as a host does.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "dr/repository/repository.h"
#include "dr/status.h"
#include "dr/testing/sim_clock.h"
#include "dr/testing/sim_random.h"
#include "fmt/format.h"

namespace dr::test {

using Records = std::vector<std::string>;

/// A repository as a process has it open. Each has randomness of its own, as the names of objects need.
struct Bench {
  explicit Bench(StateAdapter& store, RepositoryOptions options = {})
      : random(++seeds), opened(Repository::Open(store, clock, random, options)) {}
  Repository* operator->() { return opened->get(); }
  Repository& operator*() { return **opened; }

  inline static std::uint64_t seeds = 0;
  SimClock clock;
  SimRandom random;
  absl::StatusOr<std::unique_ptr<Repository>> opened;
};

inline absl::StatusOr<ComponentSnapshot> WriteSnapshot(Repository& repository,
                                                       const std::string& component,
                                                       const Records& records, Lsn as_of = {1}) {
  auto out = repository.NewSnapshot(component, {.name = component, .version = 1}, as_of, {1}, {});
  for (const std::string& record : records) {
    if (absl::Status status = out->Write(record); !status.ok()) return status;
  }
  return out->Finish();
}

inline absl::StatusOr<Records> ReadSnapshot(const Repository& repository,
                                            const ComponentSnapshot& snapshot) {
  auto in = repository.OpenSnapshot(snapshot, {});
  if (!in.ok()) return in.status();
  Records records;
  for (;;) {
    auto record = (*in)->Next();
    if (!record.ok()) return record.status();
    if (!*record) return records;
    records.emplace_back(**record);
  }
}

inline BackupManifest ManifestOf(std::vector<ComponentSnapshot> components, Lsn as_of = {1}) {
  return {.log = {.high = 1, .low = 2},
          .epoch = {1},
          .as_of = as_of,
          .durable_lsn = as_of,
          .components = std::move(components)};
}

inline absl::StatusOr<BackupManifest> Checkpoint(Repository& repository, const Records& records,
                                                 Lsn as_of = {1}) {
  auto snapshot = WriteSnapshot(repository, "c", records, as_of);
  if (!snapshot.ok()) return snapshot.status();
  return repository.Publish(ManifestOf({*snapshot}, as_of), {});
}

inline std::vector<std::string> Keys(StateAdapter& store, std::string_view prefix) {
  auto page = store.List(prefix, "", {});
  REQUIRE(page.ok());
  std::vector<std::string> keys;
  for (const ListEntry& entry : page->entries) keys.push_back(entry.key);
  return keys;
}

inline FaultKind KindOf(const absl::Status& status) {
  const std::optional<Fault> fault = FaultOf(status);
  INFO(status.ToString());
  REQUIRE(fault);
  return fault->kind;
}

}  // namespace dr::test
