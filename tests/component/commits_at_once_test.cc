// Every kind of commit at once: each holds its order while another waits for it.

#include <array>
#include <catch2/catch.hpp>
#include <thread>

#include "fmt/format.h"
#include "tests/host/counter_component.h"
#include "tests/host/small_host.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

// Keeps its digest, so that applying writes to the log as well.
class Digested : public Counters {
 public:
  using Counters::Counters;

 private:
  std::optional<Digest> StateDigest() const override { return DigestOf("state"); }
};

HostOptions NotingEveryDigest(const TempDirectory& directory,
                              std::vector<StatefulComponent*> components) {
  HostOptions options = Options(directory, std::move(components));
  options.durability = Durability::kProcess;
  options.checkpoint.digest_every = 1;
  return options;
}

TEST_CASE("A batch that waits for one component does not keep another from applying") {
  TempDirectory directory;
  Digested a("a"), b("b");
  auto host = Value(Host::Open(NotingEveryDigest(directory, {&a, &b}), {}));
  std::atomic<bool> applying = false, go_on = false, deciding = false;
  a.before_applying = [&] {
    applying = true;
    while (!go_on) std::this_thread::yield();
  };
  std::array<absl::Status, 3> results;  // assertions belong to the test's own thread
  std::thread alone([&] { results[0] = a.Add("alone").status(); });
  while (!applying) std::this_thread::yield();
  std::thread decision([&] {
    results[1] = b.AddIf([&]() -> absl::StatusOr<std::string> {
                    deciding = true;
                    return fmt::format("{}", a.Total());  // waits until `a` has applied
                  }).status();
  });
  while (!deciding) std::this_thread::yield();
  std::thread batch([&] {
    const ComponentCommit commits[] = {{&a, "batch"}, {&b, "batch"}};
    results[2] = CommitAll(commits).status();  // has the order of `a`, waits for that of `b`
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  go_on = true;
  alone.join();
  decision.join();
  batch.join();
  for (const absl::Status& result : results) REQUIRE_OK(result);
  CHECK(a.Total() == 2);
  CHECK(b.Total() == 2);
}

TEST_CASE(
    "P9, P11: batches, decisions over two components and digest notes do not wait in a circle") {
  constexpr int kEach = 300;
  TempDirectory directory;
  Digested a("a"), b("b");
  auto host = Value(Host::Open(NotingEveryDigest(directory, {&a, &b}), {}));
  std::atomic<int> refused = 0;
  const auto repeat = [&](auto commit) {
    return std::thread([&refused, commit] {
      for (int i = 0; i < kEach; ++i) refused += commit() ? 0 : 1;
    });
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.push_back(repeat([&] {
      const ComponentCommit commits[] = {{&a, "batch"}, {&b, "batch"}};
      return CommitAll(commits).ok();
    }));
    threads.push_back(repeat([&] {
      return b
          .AddIf([&]() -> absl::StatusOr<std::string> {
            return fmt::format("decided at {}", a.Total() % 2);
          })
          .ok();
    }));
    threads.push_back(repeat([&] {
      return a
          .AddIf([&]() -> absl::StatusOr<std::string> {
            return fmt::format("decided at {}", b.Total() % 2);
          })
          .ok();
    }));
    threads.push_back(repeat([&] { return a.Add("alone").ok(); }));
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(refused == 0);
  CHECK(a.Total() == 2 * 3 * kEach);
  CHECK(b.Total() == 2 * 2 * kEach);
}

}  // namespace
}  // namespace dr::test
