// S1-12: what durable state costs, bounded: nothing else has to run, and each operation and each
// record of a checkpoint takes few bytes besides its own.
#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "dr/batch.h"
#include "dr/host.h"
#include "tests/host/counter_component.h"
#include "tests/host/recording.h"
#include "tests/host/small_host.h"
#include "tests/host/threads_of_process.h"

namespace dr::test {
namespace {

std::size_t CountOf(const std::string& folder) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    static_cast<void>(entry);
    ++count;
  }
  return count;
}

std::size_t Sockets() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;  // the folder's own
    count += std::filesystem::read_symlink(entry, gone).string().starts_with("socket:") ? 1 : 0;
  }
  return count;
}

TEST_CASE("S1-12: no other process, no connection, and no thread before Start") {
  std::thread([] {}).join();  // a sanitizer has a thread of its own from the first one on
  TempDirectory directory;
  const std::size_t threads = CountOf("/proc/self/task"), sockets = Sockets();
  Counters counters;
  auto host = Value(Host::Open(Options(directory, {&counters}), {}));
  REQUIRE_OK(counters.Add("a"));
  REQUIRE_OK(host->Checkpoint().status());
  REQUIRE_OK(host->Step());
  CHECK(CountOf("/proc/self/task") == threads);
  REQUIRE_OK(host->Start());
  CHECK(SleepsOfHostThreads().size() <= 3);
  CHECK(CountOf("/proc/self/task") == threads + 3);
  CHECK(Sockets() == sockets);
  REQUIRE_OK(host->Shutdown());
  CHECK(CountOf("/proc/self/task") == threads);
}

TEST_CASE("S1-12: an operation in the log is its payload and at most 64 bytes, and a group 4 KiB") {
  TempDirectory directory;
  Counters counters;
  HostOptions options = Options(directory, {&counters});
  options.log = {};
  auto host = Value(Host::Open(std::move(options), {}));
  const std::size_t payload_bytes = GENERATE(1, 100, 10'000);
  const std::string payload(payload_bytes, 'x');
  const std::vector<ComponentCommit> batch(500, ComponentCommit{&counters, payload});
  const WalFigures before = host->figures().wal;
  REQUIRE_OK(CommitAll(batch).status());
  const WalFigures after = host->figures().wal;
  const std::uint64_t own = batch.size() * payload_bytes;
  INFO("bytes " << after.bytes - before.bytes << " in groups " << after.groups - before.groups);
  CHECK(after.bytes - before.bytes >= own);
  CHECK(after.bytes - before.bytes <=
        own + batch.size() * 64 + (after.groups - before.groups) * kBlockBytes);
}

TEST_CASE(
    "S1-12: a checkpoint writes what has changed, and at most a tenth more than its records") {
  TempDirectory directory;
  Counters large("large"), small("small");
  auto host = Value(Host::Open(Options(directory, {&large, &small}), {}));
  for (int i = 0; i < 200; ++i) REQUIRE_OK(large.Add(std::to_string(i) + std::string(1000, 'x')));
  REQUIRE_OK(small.Add("a"));
  const CheckpointInfo first = Value(host->Checkpoint());
  CHECK(first.components_written == 2);
  std::uint64_t stored = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory.path())) {
    const bool log = entry.path().string().find("/wal/") != std::string::npos;
    const bool reserve = entry.path().filename() == "RESERVE";
    if (entry.is_regular_file() && !log && !reserve) stored += entry.file_size();
  }
  INFO("stored " << stored << ", records " << first.bytes);
  CHECK(stored >= first.bytes);
  CHECK(stored <= first.bytes + first.bytes / 10 + 4096);
  REQUIRE_OK(small.Add("a"));
  const CheckpointInfo second = Value(host->Checkpoint());
  CHECK(second.components_written == 1);
  CHECK(second.components_carried == 1);
  CHECK(second.bytes < 1000);
}

}  // namespace
}  // namespace dr::test
