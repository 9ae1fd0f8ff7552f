#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <utility>

#include "dr/mutex.h"
#include "src/base/status_macros.h"
#include "src/testing/adapter_check.h"

namespace dr::inline v0 {
namespace {

constexpr int kThreads = 6;
constexpr int kRounds = 20;

// Runs `body` in all threads at once; the first error of any.
absl::Status InThreads(const std::function<absl::Status(int thread)>& body) {
  Mutex mutex;
  absl::Status first;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      absl::Status status = body(i);
      MutexLock lock(mutex);
      if (first.ok()) first = std::move(status);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return first;
}

}  // namespace

absl::Status RaceIfAbsent(StateAdapter& store, std::string_view prefix) {
  for (int round = 0; round < kRounds; ++round) {
    const std::string key = fmt::format("{}race/{}", prefix, round);
    std::atomic<int> winners = 0, winner = -1;
    DR_RETURN_IF_ERROR(InThreads([&](int thread) -> absl::Status {
      const std::string value = fmt::format("thread {}", thread);
      auto put = store.Put(key, value, {.condition = PutCondition::kIfAbsent}, {});
      if (absl::IsAlreadyExists(put.status())) return absl::OkStatus();
      DR_RETURN_IF_ERROR(put.status());
      ++winners;
      winner = thread;
      return absl::OkStatus();
    }));
    DR_RETURN_IF_ERROR(Expect(
        winners == 1, fmt::format("round {}: {} threads created one key", round, winners.load())));
    DR_RETURN_IF_ERROR(ExpectValue(store, key, fmt::format("thread {}", winner.load())));
  }
  return absl::OkStatus();
}

absl::Status RaceIfVersion(StateAdapter& store, std::string_view prefix) {
  const std::string key = fmt::format("{}counter", prefix);
  DR_RETURN_IF_ERROR(store.Put(key, "", {}, {}).status());
  // Each adds its letter, again and again; what is lost is missing from the length.
  DR_RETURN_IF_ERROR(InThreads([&](int thread) -> absl::Status {
    for (int done = 0; done < kRounds;) {
      DR_ASSIGN_OR_RETURN(Item item, store.Get(key, {}));
      const std::string value = item.value + static_cast<char>('a' + thread);
      auto put = store.Put(key, value,
                           {.condition = PutCondition::kIfVersion, .version = item.version}, {});
      if (absl::IsAborted(put.status())) continue;
      DR_RETURN_IF_ERROR(put.status());
      ++done;
    }
    return absl::OkStatus();
  }));
  DR_ASSIGN_OR_RETURN(Item item, store.Get(key, {}));
  return Expect(item.value.size() == std::size_t{kThreads} * kRounds,
                fmt::format("{} updates were acknowledged, {} are there", kThreads * kRounds,
                            item.value.size()));
}

absl::Status RaceReaders(StateAdapter& store, std::string_view prefix) {
  const std::string key = fmt::format("{}whole", prefix);
  DR_RETURN_IF_ERROR(store.Put(key, std::string(50'000, 'a'), {}, {}).status());
  return InThreads([&](int thread) -> absl::Status {
    for (int round = 0; round < kRounds; ++round) {
      if (thread < 2) {
        const char letter = static_cast<char>('a' + (round + thread) % 26);
        DR_RETURN_IF_ERROR(store.Put(key, std::string(50'000, letter), {}, {}).status());
      } else {
        DR_ASSIGN_OR_RETURN(Item item, store.Get(key, {}));
        DR_RETURN_IF_ERROR(Expect(item.value == std::string(50'000, item.value.front()),
                                  "a reader saw parts of two values"));
      }
    }
    return absl::OkStatus();
  });
}

}  // namespace dr::inline v0
