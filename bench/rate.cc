#include "bench/rate.h"

#include <barrier>
#include <chrono>
#include <thread>
#include <vector>

namespace bench {

double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

absl::StatusOr<double> Rate(int threads, double seconds,
                            absl::FunctionRef<absl::StatusOr<std::uint64_t>(int)> work) {
  struct alignas(64) Tally {
    std::uint64_t done = 0;
    absl::Status status;
  };
  std::vector<Tally> tallies(threads);
  std::barrier start(threads + 1);
  std::vector<std::jthread> workers;
  for (int thread = 0; thread < threads; ++thread) {
    workers.emplace_back([&, thread] {
      Tally& tally = tallies[thread];
      start.arrive_and_wait();
      for (const double end = Seconds() + seconds; Seconds() < end;) {
        absl::StatusOr<std::uint64_t> done = work(thread);
        if (!done.ok()) {
          tally.status = done.status();
          return;
        }
        tally.done += *done;
      }
    });
  }
  start.arrive_and_wait();
  const double begin = Seconds();
  for (std::jthread& worker : workers) worker.join();
  const double elapsed = Seconds() - begin;
  std::uint64_t total = 0;
  for (const Tally& tally : tallies) {
    if (!tally.status.ok()) return tally.status;
    total += tally.done;
  }
  return static_cast<double>(total) / elapsed;
}

}  // namespace bench
