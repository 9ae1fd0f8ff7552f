// Sizes, counts and long lives.

#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "fmt/format.h"
#include "tests/host/counter_component.h"
#include "tests/host/small_host.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

// ---- A21 ----------------------------------------------------------------------------------------

/// Remembers sizes only.
class Sizes : public StatefulComponent {
 public:
  Sizes() : StatefulComponent("sizes", {.name = "sizes", .version = 1}) {}
  absl::StatusOr<Lsn> Put(std::string_view payload, const CommitOptions& options = {}) {
    return Commit(payload, options);
  }
  void PutAsync(std::string payload, absl::AnyInvocable<void(absl::StatusOr<Lsn>) &&> done) {
    CommitAsync(std::move(payload), {}, std::move(done));
  }
  absl::StatusOr<Lsn> PutIf(absl::FunctionRef<absl::StatusOr<std::string>()> decide) {
    return CommitIf(decide);
  }
  std::vector<std::size_t> sizes;

 private:
  absl::Status Apply(const Operation& op) override {
    sizes.push_back(op.payload.size());
    return absl::OkStatus();
  }
  absl::Status SaveState(StateWriter&) const override { return absl::OkStatus(); }
  absl::Status LoadState(StateReader&) override { return absl::OkStatus(); }
};

/// Memory whose first touch ends the process.
class Untouchable {
 public:
  explicit Untouchable(std::size_t bytes)
      : bytes_(bytes),
        data_(static_cast<char*>(
            mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))) {
    REQUIRE(data_ != MAP_FAILED);
  }
  ~Untouchable() { munmap(data_, bytes_); }
  std::string_view view() const { return {data_, bytes_}; }

 private:
  std::size_t bytes_;
  char* data_;
};

TEST_CASE(
    "A21: payloads of 0, 1 and 64 MiB are kept, and one byte more is refused before it is looked "
    "at",
    "[long]") {
  TempDirectory directory;
  const std::vector<std::size_t> kept = {0, 1, kMaxPayloadBytes, 0};
  {
    Sizes sizes;
    HostOptions options = Options(directory, {&sizes});
    options.log.segment_bytes = 16 << 20;
    auto host = Value(Host::Open(std::move(options), {}));
    for (std::size_t size : kept) REQUIRE_OK(sizes.Put(std::string(size, 'x')));
    const auto refused = [](const absl::Status& status) {
      CHECK(status.code() == absl::StatusCode::kInvalidArgument);
      REQUIRE(FaultOf(status).has_value());
      CHECK(FaultOf(status)->kind == FaultKind::kLimit);
    };
    for (std::size_t size : {kMaxPayloadBytes + 1, std::uint64_t{1} << 32}) {
      const Untouchable untouchable(size);
      refused(sizes.Put(untouchable.view()).status());
      const ComponentCommit batch[] = {{&sizes, "small"}, {&sizes, untouchable.view()}};
      refused(CommitAll(batch).status());
    }
    const std::string longest(kMaxPayloadBytes + 1, 'x');
    refused(sizes.PutIf([&] { return longest; }).status());
    absl::Status told;
    sizes.PutAsync(longest, [&](absl::StatusOr<Lsn> lsn) { told = lsn.status(); });
    REQUIRE_OK(host->Step());
    refused(told);
    refused(sizes.Put("x", {.subject = longest}).status());
    CHECK(sizes.sizes == kept);
    CHECK(host->figures().durable.lsn.value == kept.size());
  }
  Sizes sizes;
  auto host = Value(Host::Open(Options(directory, {&sizes}), {}));
  CHECK(sizes.sizes == kept);
}

TEST_CASE("A21: a batch has half as many operations as the ring at most, and one more is refused") {
  TempDirectory directory;
  constexpr std::size_t kMost = 2048;
  {
    Sizes sizes;
    HostOptions options = Options(directory, {&sizes});
    options.log.ring_capacity = 2 * kMost;
    auto host = Value(Host::Open(std::move(options), {}));
    const std::vector<ComponentCommit> batch(kMost + 1, {&sizes, "x"});
    const absl::Status refused = CommitAll(batch).status();
    CHECK(refused.code() == absl::StatusCode::kInvalidArgument);
    CHECK(Value(CommitAll(std::span(batch).first(kMost))).value == kMost);
    CHECK(sizes.sizes.size() == kMost);
    CHECK(CommitAll({}).status().code() == absl::StatusCode::kInvalidArgument);
  }
  Sizes sizes;
  auto host = Value(Host::Open(Options(directory, {&sizes}), {}));
  CHECK(sizes.sizes.size() == kMost);
}

TEST_CASE("A21: 100,000 operations of one byte are all there, in order") {
  constexpr std::uint64_t kCount = 100'000;
  TempDirectory directory;
  std::vector<std::string> live;
  {
    Counters counters;
    HostOptions options = Options(directory, {&counters});
    options.log.ring_capacity = 4096;
    auto host = Value(Host::Open(std::move(options), {}));
    for (std::uint64_t i = 1; i < kCount; ++i) {
      REQUIRE(counters.Add(i % 2 == 0 ? "a" : "b", {.durability = Durability::kProcess}).ok());
    }
    REQUIRE_OK(counters.Add("c"));
    live = std::move(counters.applied);
  }
  Counters counters;
  auto host = Value(Host::Open(Options(directory, {&counters}), {}));
  CHECK(counters.Total() == kCount);
  CHECK((counters.applied == live));  // not to be printed
}

// ---- H3, H5, H8 ---------------------------------------------------------------------------------

TEST_CASE("H3: a log of 2,000 segments is recovered, and trimmed by the next checkpoint",
          "[long]") {
  constexpr std::uint64_t kSegments = 2000;
  TempDirectory directory;
  const auto open = [&](Sizes& sizes) {
    HostOptions options = Options(directory, {&sizes});
    options.log = {.segment_bytes = 64 << 10, .group_bytes = 60 << 10, .ring_capacity = 64};
    options.checkpoint.keep = 1;
    return Value(Host::Open(std::move(options), {}));
  };
  std::vector<std::size_t> written;
  {
    Sizes sizes;
    auto host = open(sizes);
    while (host->figures().wal.segments <= kSegments) {
      // Of all lengths, so that records begin and end anywhere in a segment.
      written.push_back(100'000 + written.size() * 37 % 4096);
      REQUIRE_OK(sizes.Put(std::string(written.back(), 'x'), {.durability = Durability::kProcess}));
    }
    REQUIRE_OK(sizes.Put(""));
    written.push_back(0);
  }
  Sizes sizes;
  auto host = open(sizes);
  CHECK(sizes.sizes == written);
  CHECK(host->figures().wal.segments > kSegments);
  REQUIRE_OK(host->Checkpoint());
  CHECK(host->figures().wal.segments == 1);
}

std::size_t OpenDescriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

// Recovers, commits and takes checkpoints with 50 components; 0: all went well.
int LiveWithFewDescriptors(const TempDirectory& directory) {
  const rlimit few{64, 64};
  if (setrlimit(RLIMIT_NOFILE, &few) != 0) return 1;
  for (std::uint64_t life = 0; life < 3; ++life) {
    std::vector<std::unique_ptr<Counters>> counters;
    std::vector<StatefulComponent*> pointers;
    for (int i = 0; i < 50; ++i) {
      counters.push_back(std::make_unique<Counters>(fmt::format("c{}", i)));
      pointers.push_back(counters.back().get());
    }
    auto host = Host::Open(Options(directory, pointers), {});
    if (!host.ok() || !(*host)->Start().ok()) return 2;
    for (auto& component : counters) {
      if (component->Total() != 3 * life) return 3;
      for (int i = 0; i < 3; ++i) {
        if (!component->Add("a").ok()) return 4;
      }
    }
    if (!(*host)->Checkpoint().ok()) return 5;
    if (life == 1 && !(*host)->Shutdown().ok()) return 6;
  }
  return 0;
}

TEST_CASE("H5: 64 descriptors are enough for a host with 50 components") {
  TempDirectory directory;
  const pid_t child = fork();
  if (child == 0) _exit(LiveWithFewDescriptors(directory));
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("H8: 200 lives of a host leave no more descriptors, files and memory behind than 50",
          "[long]") {
  TempDirectory directory;
  struct Use {
    std::size_t descriptors, files, memory;
  };
  const auto measure = [&] {
    const std::filesystem::recursive_directory_iterator files(directory.path());
    return Use{OpenDescriptors(), static_cast<std::size_t>(std::distance(begin(files), end(files))),
               mallinfo2().uordblks};
  };
  Use most = {};
  for (std::uint64_t life = 0; life < 200; ++life) {
    {
      Counters counters;
      auto host = Value(Host::Open(Options(directory, {&counters}), {}));
      CHECK(counters.Total() == 10 * life);
      if (life % 3 == 0) REQUIRE_OK(host->Start());
      for (int i = 0; i < 10; ++i) REQUIRE_OK(counters.Add("a"));
      if (life % 2 == 0) REQUIRE_OK(host->Checkpoint());
      if (life % 5 != 0) REQUIRE_OK(host->Shutdown());
    }
    const Use now = measure();
    if (life < 50) {
      most = {std::max(most.descriptors, now.descriptors), std::max(most.files, now.files),
              std::max(most.memory, now.memory)};
      continue;
    }
    INFO(fmt::format("life {}", life));
    CHECK(now.descriptors <= most.descriptors);
    CHECK(now.files <= most.files);
    CHECK(now.memory <= most.memory + (16 << 10));  // what the C library keeps for itself
  }
}

}  // namespace
}  // namespace dr::test
