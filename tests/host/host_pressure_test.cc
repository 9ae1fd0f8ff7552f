// Many components, many operations, little memory.

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "fmt/format.h"
#include "tests/host/small_host.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

/// Counts operations, and keeps nothing else.
class Tally : public StatefulComponent {
 public:
  explicit Tally(std::string id = "tally")
      : StatefulComponent(std::move(id), {.name = "tally", .version = 1}) {}
  absl::Status Add(std::string_view payload, Durability durability = Durability::kLocal) {
    return Commit(payload, {.durability = durability}).status();
  }
  std::uint64_t count() const { return count_; }

 private:
  absl::Status Apply(const Operation&) override {
    ++count_;
    return absl::OkStatus();
  }
  absl::Status SaveState(StateWriter& out) const override {
    return out.Write(std::to_string(count_));
  }
  absl::Status LoadState(StateReader& in) override {
    count_ = 0;
    auto record = in.Next();
    if (!record.ok() || !*record) return record.status();
    count_ = std::stoull(std::string(**record));
    return in.Next().status();
  }

  std::uint64_t count_ = 0;
};

std::size_t StatusKib(std::string_view field) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(field)) return std::stoull(line.substr(line.find(':') + 1));
  }
  return 0;
}

TEST_CASE("H1: 2,000 components are opened, written, saved and found again, in 16 KiB each",
          "[long]") {
  constexpr std::size_t kComponents = 2'000, kKibEach = 16;
  TempDirectory directory;
  const std::size_t before = StatusKib("VmRSS");
  for (std::uint64_t life = 0; life < 2; ++life) {
    std::vector<std::unique_ptr<Tally>> tallies;
    std::vector<StatefulComponent*> pointers;
    for (std::size_t i = 0; i < kComponents; ++i) {
      tallies.push_back(std::make_unique<Tally>(fmt::format("component-{}", i)));
      pointers.push_back(tallies.back().get());
    }
    HostOptions options = Options(directory, pointers);
    options.checkpoint.disk_share = 1;
    auto host = Value(Host::Open(std::move(options), {}));
    for (auto& tally : tallies) {
      REQUIRE(tally->count() == life);
      REQUIRE(tally->Add("x", Durability::kProcess).ok());
    }
    if (life == 0) CHECK(Value(host->Checkpoint()).components_written == kComponents);
    REQUIRE_OK(host->Shutdown());
    CHECK(StatusKib("VmRSS") < before + kComponents * kKibEach);
  }
}

TEST_CASE("H2: a million operations leave no more memory in use than a hundred thousand",
          "[long]") {
  constexpr std::uint64_t kOperations = 1'000'000, kWarm = 100'000;
  constexpr std::size_t kSlackKib = 4 << 10;
  TempDirectory directory;
  Tally tally;
  HostOptions options = Options(directory, {&tally});
  options.log.ring_capacity = 4096;
  options.checkpoint = {.interval = {}, .log_bytes = 8 << 20, .disk_share = 1};
  auto host = Value(Host::Open(std::move(options), {}));
  std::size_t warm = 0;
  for (std::uint64_t i = 1; i <= kOperations; ++i) {
    REQUIRE(tally.Add(std::string(100, 'x'), Durability::kProcess).ok());
    if (i % 10'000 == 0) REQUIRE_OK(host->Step());
    if (i == kWarm) warm = StatusKib("VmRSS");
  }
  CHECK(host->figures().checkpoints > 5);
  CHECK(tally.count() == kOperations);
  CHECK(warm > 0);
  CHECK(StatusKib("VmRSS") <= warm + kSlackKib);
}

// Commits what fits and what does not. 0: all was as it should be.
int LiveWithLittleMemory(const TempDirectory& directory, int told) {
  Tally tally;
  auto host = Host::Open(Options(directory, {&tally}), {});
  if (!host.ok()) return 1;
  std::uint64_t acknowledged = 0, refused = 0;
  const std::string payload(40 << 20, 'x');
  const rlim_t room = (StatusKib("VmSize") << 10) + (64 << 20);
  const rlimit little{room, room};
  if (setrlimit(RLIMIT_AS, &little) != 0) return 2;
  // What is handed over is copied once, and perhaps a second time for the write.
  for (std::size_t bytes : {std::size_t{1}, std::size_t{1} << 20, std::size_t{40} << 20}) {
    for (int i = 0; i < 5; ++i) {
      const absl::Status status = tally.Add(std::string_view(payload).substr(0, bytes));
      if (!status.ok() && status.code() != absl::StatusCode::kResourceExhausted) return 3;
      ++(status.ok() ? acknowledged : refused);
    }
  }
  std::vector<std::unique_ptr<char[]>> taken;
  while (char* more = new (std::nothrow) char[256 << 10]) taken.emplace_back(more);
  if (tally.Add(std::string_view(payload).substr(0, 30 << 20)).code() !=
      absl::StatusCode::kResourceExhausted) {
    return 4;
  }
  taken.clear();
  if (!tally.Add("x").ok()) return 5;
  ++acknowledged;
  if (!(*host)->Checkpoint().ok()) return 6;
  if (write(told, &acknowledged, sizeof(acknowledged)) != sizeof(acknowledged)) return 7;
  return 0;
}

TEST_CASE("H6: where memory ends a commit is refused, and the host goes on and has lost nothing",
          "[long]") {
  TempDirectory directory;
  int pipe_ends[2];
  REQUIRE(pipe(pipe_ends) == 0);
  const pid_t child = fork();
  if (child == 0) _exit(LiveWithLittleMemory(directory, pipe_ends[1]));
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);
  std::uint64_t acknowledged = 0;
  REQUIRE(read(pipe_ends[0], &acknowledged, sizeof(acknowledged)) == sizeof(acknowledged));
  for (int end : pipe_ends) close(end);
  Tally tally;
  auto host = Value(Host::Open(Options(directory, {&tally}), {}));
  CHECK(tally.count() == acknowledged);
}

}  // namespace
}  // namespace dr::test
