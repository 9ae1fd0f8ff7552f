// What is left of RocksDB's log after kills and damage, and what an open makes of it.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <vector>

#include "adapters/rocksdb/store_fixture.h"
#include "dr/status.h"

namespace dr {
namespace {

using rocksdb_test::Machine;
using test::TempDirectory;

// Puts pairs until it is killed, and says which it has put.
TEST_CASE("The writer that is killed", "[.writer]") {
  Machine machine;
  auto store = machine.Open(getenv("DR_TEST_PATH"));
  const int begin = atoi(getenv("DR_TEST_BEGIN"));
  const char* const bytes = getenv("DR_TEST_BYTES");
  const std::string filling(bytes == nullptr ? 0 : std::strtoul(bytes, nullptr, 10), '.');
  for (int i = begin;; ++i) {
    const std::string a = fmt::format("a/{:08}", i), b = fmt::format("b/{:08}", i);
    const std::string value = fmt::format("{} of the writer{}", i, filling);
    const KeyValue pair[] = {{a, value}, {b, value}};
    if (!store->PutMany(pair, {}).ok()) return;
    const std::string line = fmt::format("acknowledged {}\n", i);
    if (write(STDERR_FILENO, line.data(), line.size()) < 0) return;
  }
}

// The last pair that a writer acknowledged which is killed after `pairs`, or ends by itself.
int RunWriter(const std::string& path, int begin, int pairs, std::vector<const char*> command) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  setenv("DR_TEST_PATH", path.c_str(), 1);
  setenv("DR_TEST_BEGIN", std::to_string(begin).c_str(), 1);
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    command.insert(command.end(), {self.c_str(), "[.writer]", nullptr});
    execvp(command[0], const_cast<char**>(command.data()));
    _exit(127);
  }
  close(ends[1]);
  FILE* lines = fdopen(ends[0], "r");
  int last = -1, i = 0;
  bool killed = false;
  // Lines that were in the pipe when it died were acknowledged too.
  while (fscanf(lines, "acknowledged %d\n", &i) == 1) {
    last = i;
    if (last >= begin + pairs && !killed) killed = kill(child, SIGKILL) == 0;
  }
  fclose(lines);
  REQUIRE(waitpid(child, nullptr, 0) == child);
  return last;
}

TEST_CASE("A kill takes nothing that was acknowledged, and no half of a batch") {
  TempDirectory temp;
  const std::string path = temp / "store";
  int begin = 0;
  for (int kills = 0; kills < 5; ++kills) {
    const int last = RunWriter(path, begin, 50 + 37 * kills, {});
    REQUIRE(last >= begin);
    Machine machine;
    auto store = machine.Open(path);
    for (int i = 0; i <= last; ++i) {
      const auto item = store->Get(fmt::format("a/{:08}", i), {});
      REQUIRE(item.ok());
      REQUIRE(item->value == fmt::format("{} of the writer", i));
    }
    begin = last + 1;
    for (; store->Get(fmt::format("a/{:08}", begin), {}).ok(); ++begin) continue;
    for (int i = 0; i < begin; ++i) REQUIRE(store->Get(fmt::format("b/{:08}", i), {}).ok());
    CHECK(absl::IsNotFound(store->Get(fmt::format("b/{:08}", begin), {}).status()));
  }
}

TEST_CASE("D17: What could not be synced is not acknowledged") {
  TempDirectory temp;
  const std::string path = temp / "store";
  setenv("ASAN_OPTIONS", "detect_leaks=0", 1);  // which cannot be while it is traced
  const int last = RunWriter(path, 0, 1000,
                             {"strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync",
                              "-e", "inject=fdatasync:error=EIO:when=30+"});
  CHECK(last > 0);
  CHECK(last < 30);
  Machine machine;
  auto store = machine.Open(path);
  for (int i = 0; i <= last; ++i) CHECK(store->Get(fmt::format("b/{:08}", i), {}).ok());
}

std::string LogFile(const std::string& directory) {
  std::string newest;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string path = entry.path();
    if (path.ends_with(".log") && entry.file_size() > 0) newest = std::max(newest, path);
  }
  REQUIRE(!newest.empty());
  return newest;
}

// 100 values in the log, none in a table.
std::string WithLog(const std::string& path) {
  Machine machine;
  auto store = machine.Open(path);
  for (int i = 0; i < 100; ++i) {
    REQUIRE(store->Put(fmt::format("key/{}", i), std::string(100, 'v'), {}, {}).ok());
  }
  store.reset();
  return LogFile(path);
}

TEST_CASE("of 40 kills in the middle of large puts none makes an open refuse (K44)") {
  TempDirectory temp;
  const std::string path = temp / "store";
  setenv("DR_TEST_BYTES", "3000000", 1);
  int begin = 0, torn = 0;
  for (int kills = 0; kills < 40; ++kills) {
    const int last = RunWriter(path, begin, 1 + kills % 3, {});
    REQUIRE(last >= begin);
    Machine machine;
    const auto opened = machine.TryOpen(path);
    INFO(kills << ": " << opened.status().ToString());
    REQUIRE(opened.ok());
    for (; begin <= last; ++begin) {
      REQUIRE((*opened)->Get(fmt::format("b/{:08}", begin), {}).ok());
      REQUIRE((*opened)->Delete(fmt::format("a/{:08}", begin), {}, {}).ok());
      REQUIRE((*opened)->Delete(fmt::format("b/{:08}", begin), {}, {}).ok());
    }
    torn += (*opened)->Get(fmt::format("a/{:08}", begin), {}).ok() ? 0 : 1;
  }
  unsetenv("DR_TEST_BYTES");
  CHECK(torn > 0);  // or nothing was interrupted
}

std::string Bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("D17: one flipped bit anywhere in the log is refused and nothing is changed (K44)") {
  TempDirectory temp;
  const std::string log = WithLog(temp / "store");
  const std::string whole = Bytes(log);
  for (std::size_t at = 0; at < whole.size(); at += at + 40 < whole.size() ? 211 : 3) {
    INFO("byte " << at << " of " << whole.size());
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 4);
    std::ofstream(log, std::ios::binary) << damaged;
    for (int tries = 0; tries < 2; ++tries) {
      const absl::Status opened = Machine().TryOpen(temp / "store").status();
      INFO(opened.ToString());
      REQUIRE(absl::IsDataLoss(opened));
      const FaultKind kind = FaultOf(opened)->kind;
      REQUIRE((kind == FaultKind::kRollback || kind == FaultKind::kWalCorrupt));
      REQUIRE(Bytes(log) == damaged);
    }
  }
  std::ofstream(log, std::ios::binary) << whole;
  CHECK(Machine().Open(temp / "store")->Get("key/99", {}).ok());
}

TEST_CASE("D17: A log that lacks what was acknowledged is refused or cut where that is asked for") {
  TempDirectory temp;
  const std::string path = temp / "store";
  const std::string log = WithLog(path);
  std::filesystem::resize_file(log, std::filesystem::file_size(log) - 20);
  Machine machine;
  const absl::Status refused = machine.TryOpen(path).status();
  REQUIRE(IsFault(refused, FaultKind::kRollback));
  CHECK(refused.message().find("99 of the 100") != absl::string_view::npos);
  CHECK(absl::IsDataLoss(machine.TryOpen(path, "?torn_tail=refuse").status()));
  CHECK(machine.Open(path, "?torn_tail=cut")->Get("key/98", {}).ok());
  CHECK(absl::IsNotFound(machine.Open(path)->Get("key/99", {}).status()));
}

TEST_CASE("a log that is gone as a whole is noticed (K44)") {
  TempDirectory temp;
  std::filesystem::remove(WithLog(temp / "store"));
  CHECK(absl::IsDataLoss(Machine().TryOpen(temp / "store").status()));
}

TEST_CASE("without a mark that can be read every doubt about the log counts (K44)") {
  TempDirectory temp;
  const std::string log = WithLog(temp / "store"), mark = temp / "store/ACKNOWLEDGED";
  SECTION("gone") { std::filesystem::remove(mark); }
  SECTION("changed") {
    std::fstream file(mark, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(8);
    file.put('\x7f');
  }
  CHECK(Machine().TryOpen(temp / "store").ok());  // the log itself is whole
  const std::string second = WithLog(temp / "store");
  std::filesystem::remove(mark);
  std::filesystem::resize_file(second, std::filesystem::file_size(second) - 20);
  const absl::Status refused = Machine().TryOpen(temp / "store").status();
  CHECK(absl::IsDataLoss(refused));
  CHECK(FaultOf(refused)->kind == FaultKind::kWalCorrupt);
}

TEST_CASE("A database without its CURRENT is damaged, not empty") {
  TempDirectory temp;
  WithLog(temp / "store");
  Machine machine;
  machine.Open(temp / "store");  // from the log into a table
  std::filesystem::remove(temp / "store/CURRENT");
  CHECK(absl::IsDataLoss(machine.TryOpen(temp / "store").status()));
}

}  // namespace
}  // namespace dr
