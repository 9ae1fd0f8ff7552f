#include <algorithm>
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "dr/mutex.h"
#include "dr/status_macros.h"
#include "src/testing/adapter/adapter_check.h"

namespace dr::inline v0 {
namespace {

constexpr int kThreads = 8;
constexpr int kRounds = 15;

// Runs `body` in all threads at once, half of them through each client; the first error of any.
absl::Status InThreads(const Trial& first, const Trial& second,
                       const std::function<absl::Status(const Trial& trial, int thread)>& body) {
  Mutex mutex;
  absl::Status error;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      absl::Status status = body(i % 2 == 0 ? first : second, i);
      MutexLock lock(mutex);
      if (error.ok()) error = std::move(status);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return error;
}

// In each round `attempt` succeeds in exactly one thread; the others fail with one of `lost`.
absl::Status OneWins(const Trial& first, const Trial& second,
                     const std::function<absl::Status(int round)>& before,
                     const std::function<absl::Status(const Trial&, int, int round)>& attempt,
                     std::initializer_list<absl::StatusCode> lost,
                     const std::function<absl::Status(int winner, int round)>& behind) {
  for (int round = 0; round < kRounds; ++round) {
    DR_RETURN_IF_ERROR(before(round));
    std::atomic<int> winners = 0, winner = -1;
    DR_RETURN_IF_ERROR(InThreads(first, second, [&](const Trial& trial, int thread) {
      absl::Status status = attempt(trial, thread, round);
      if (status.ok()) {
        ++winners;
        winner = thread;
      }
      return std::find(lost.begin(), lost.end(), status.code()) != lost.end() ? absl::OkStatus()
                                                                              : status;
    }));
    DR_RETURN_IF_ERROR(Expect(winners == 1, fmt::format("round {}: {} of {} threads won", round,
                                                        winners.load(), kThreads)));
    DR_RETURN_IF_ERROR(behind(winner, round));
  }
  return absl::OkStatus();
}

std::string Race(int round) { return fmt::format("race/{}", round); }

absl::Status OneCreates(const Trial& first, const Trial& second) {
  return OneWins(
      first, second, [](int) { return absl::OkStatus(); },
      [](const Trial& trial, int thread, int round) {
        return trial.Create(Race(round), fmt::format("{}", thread)).status();
      },
      {absl::StatusCode::kAlreadyExists},
      [&](int winner, int round) {
        return first.ExpectValue(Race(round), fmt::format("{}", winner));
      });
}

absl::Status OneReplaces(const Trial& first, const Trial& second) {
  Version version;
  return OneWins(
      first, second,
      [&](int) -> absl::Status {
        DR_ASSIGN_OR_RETURN(version, first.Put("a", "before"));
        return absl::OkStatus();
      },
      [&](const Trial& trial, int thread, int) {
        return trial.Replace("a", fmt::format("{}", thread), version).status();
      },
      {absl::StatusCode::kAborted},
      [&](int winner, int) { return first.ExpectValue("a", fmt::format("{}", winner)); });
}

absl::Status OneDeletes(const Trial& first, const Trial& second) {
  Version version;
  return OneWins(
      first, second,
      [&](int) -> absl::Status {
        DR_ASSIGN_OR_RETURN(version, first.Put("a", "before"));
        return absl::OkStatus();
      },
      [&](const Trial& trial, int, int) { return trial.Delete("a", {.if_version = version}); },
      {absl::StatusCode::kNotFound, absl::StatusCode::kAborted},
      [&](int, int) { return first.ExpectNothing("a"); });
}

absl::Status OneDeletesOrReplaces(const Trial& first, const Trial& second) {
  Version version;
  return OneWins(
      first, second,
      [&](int) -> absl::Status {
        DR_ASSIGN_OR_RETURN(version, first.Put("a", "before"));
        return absl::OkStatus();
      },
      [&](const Trial& trial, int thread, int) {
        return thread < kThreads / 2
                   ? trial.Delete("a", {.if_version = version})
                   : trial.Replace("a", fmt::format("{}", thread), version).status();
      },
      {absl::StatusCode::kNotFound, absl::StatusCode::kAborted},
      [&](int winner, int) {
        return winner < kThreads / 2 ? first.ExpectNothing("a")
                                     : first.ExpectValue("a", fmt::format("{}", winner));
      });
}

absl::Status Counter(const Trial& first, const Trial& second) {
  DR_RETURN_IF_ERROR(first.Put("counter", "").status());
  // Each adds its letter, again and again; what is lost is missing from the length.
  DR_RETURN_IF_ERROR(InThreads(first, second, [](const Trial& trial, int thread) -> absl::Status {
    for (int done = 0; done < kRounds;) {
      DR_ASSIGN_OR_RETURN(Item item, trial.Get("counter"));
      const std::string value = item.value + static_cast<char>('a' + thread);
      auto put = trial.Replace("counter", value, item.version);
      if (absl::IsAborted(put.status())) continue;
      DR_RETURN_IF_ERROR(put.status());
      ++done;
    }
    return absl::OkStatus();
  }));
  DR_ASSIGN_OR_RETURN(Item item, first.Get("counter"));
  return Expect(item.value.size() == std::size_t{kThreads} * kRounds,
                fmt::format("{} updates were acknowledged, {} are there", kThreads * kRounds,
                            item.value.size()));
}

// The counter itself is put without a condition: the lock alone protects it.
absl::Status Lock(const Trial& first, const Trial& second) {
  DR_RETURN_IF_ERROR(first.Put("counter", "").status());
  DR_RETURN_IF_ERROR(InThreads(first, second, [](const Trial& trial, int thread) -> absl::Status {
    for (int done = 0; done < kRounds / 3;) {
      auto lock = trial.Create("lock", fmt::format("{}", thread));
      if (absl::IsAlreadyExists(lock.status())) {
        std::this_thread::yield();
        continue;
      }
      DR_RETURN_IF_ERROR(lock.status());
      DR_ASSIGN_OR_RETURN(Item item, trial.Get("counter"));
      DR_RETURN_IF_ERROR(trial.Put("counter", item.value + "x").status());
      DR_RETURN_IF_ERROR(trial.Delete("lock", {.if_version = *lock}));
      ++done;
    }
    return absl::OkStatus();
  }));
  return first.ExpectValue("counter", std::string(kThreads * (kRounds / 3), 'x'));
}

absl::Status AllAreKept(const Trial& first, const Trial& second) {
  const auto name = [](int thread, int round) { return fmt::format("{}/{:02}", thread, round); };
  DR_RETURN_IF_ERROR(InThreads(first, second, [&](const Trial& trial, int thread) -> absl::Status {
    for (int i = 0; i < kRounds; ++i) {
      DR_RETURN_IF_ERROR(trial.Put(name(thread, i), name(thread, i)).status());
    }
    return absl::OkStatus();
  }));
  std::vector<std::string> names;
  for (int thread = 0; thread < kThreads; ++thread) {
    for (int i = 0; i < kRounds; ++i) names.push_back(name(thread, i));
  }
  for (const std::string& one : names) DR_RETURN_IF_ERROR(first.ExpectValue(one, one));
  return first.ExpectNames("", names);
}

constexpr int kLength = 50'000;

absl::Status PutLetters(const Trial& trial, int first) {
  for (int round = 0; round < kRounds; ++round) {
    const char letter = static_cast<char>('a' + (round + first) % 26);
    DR_RETURN_IF_ERROR(trial.Put("whole", std::string(kLength, letter)).status());
  }
  return absl::OkStatus();
}

absl::Status WholeValues(const Trial& first, const Trial& second) {
  DR_RETURN_IF_ERROR(first.Put("whole", std::string(kLength, 'a')).status());
  std::atomic<int> writers = 2;
  return InThreads(first, second, [&](const Trial& trial, int thread) -> absl::Status {
    if (thread < 2) {
      absl::Status put = PutLetters(trial, thread);
      --writers;
      return put;
    }
    while (writers > 0) {
      DR_ASSIGN_OR_RETURN(Item item, trial.Get("whole"));
      DR_RETURN_IF_ERROR(
          Expect(!item.value.empty() && item.value == std::string(kLength, item.value.front()),
                 "a reader saw parts of two values"));
    }
    return absl::OkStatus();
  });
}

std::string Numbered(int number) { return fmt::format("{:06}", number); }

// Thread 0 counts upwards in both keys with `put`; the others look at them in turn. Where both
// change `together`, what was seen in one holds for the other.
absl::Status Upwards(const Trial& first, const Trial& second, bool together,
                     const std::function<absl::Status(const Trial&, int number)>& put) {
  DR_RETURN_IF_ERROR(put(first, 0));
  return InThreads(first, second, [&](const Trial& trial, int thread) -> absl::Status {
    std::string seen[2];
    for (int round = 1; round < kRounds * 4; ++round) {
      if (thread == 0) {
        DR_RETURN_IF_ERROR(put(trial, round));
        continue;
      }
      DR_ASSIGN_OR_RETURN(Item item, trial.Get(round % 2 == 0 ? "a" : "b"));
      std::string& last = seen[together ? 0 : round % 2];
      DR_RETURN_IF_ERROR(Expect(item.value >= last, "a reader saw a value go back"));
      last = item.value;
    }
    return absl::OkStatus();
  });
}

absl::Status NeverGoBack(const Trial& first, const Trial& second) {
  return Upwards(first, second, false, [](const Trial& trial, int number) -> absl::Status {
    DR_RETURN_IF_ERROR(trial.Put("a", Numbered(number)).status());
    return trial.Put("b", Numbered(number)).status();
  });
}

absl::Status BatchesAreWhole(const Trial& first, const Trial& second) {
  return Upwards(first, second, true, [](const Trial& trial, int number) {
    const std::string a = trial.Key("a"), b = trial.Key("b"), value = Numbered(number);
    const KeyValue items[] = {{a, value}, {b, value}};
    return trial.store.PutMany(items, {});
  });
}

absl::Status ListedWhileWritten(const Trial& first, const Trial& second) {
  std::vector<std::string> stays;
  for (int i = 0; i < 60; ++i) stays.push_back(fmt::format("{:03}", i * 2));
  DR_RETURN_IF_ERROR(first.PutEmpty(stays));
  return InThreads(first, second, [&](const Trial& trial, int thread) -> absl::Status {
    for (int round = 0; round < kRounds; ++round) {
      if (thread < 4) {
        const std::string name = fmt::format("{:03}", (round * 4 + thread) * 2 % 120 + 1);
        DR_RETURN_IF_ERROR(trial.Put(name, "x").status());
        DR_RETURN_IF_ERROR(trial.Delete(name));
        continue;
      }
      DR_ASSIGN_OR_RETURN(std::vector<std::string> names, trial.List());
      std::erase_if(names, [](const std::string& name) { return (name.back() - '0') % 2 != 0; });
      DR_RETURN_IF_ERROR(Expect(names == stays, "a key that stays is not listed once"));
    }
    return absl::OkStatus();
  });
}

bool WithAtomicBatch(const Capabilities& can) { return can.atomic_batch; }

constexpr AdapterCase kCases[] = {
    {"P21: One of many threads creates a key", WithIfAbsent, Two<OneCreates>},
    {"P21: One of many threads replaces a version", WithIfVersion, Two<OneReplaces>},
    {"P21: One of many threads deletes a version", WithIfVersion, Two<OneDeletes>},
    {"P21: A version is replaced or deleted and never both", WithIfVersion,
     Two<OneDeletesOrReplaces>},
    {"P21: No update by version is lost", WithIfVersion, Two<Counter>},
    {"P21: A key that is created and deleted is a lock", WithBoth, Two<Lock>},
    {"What many threads put is all there", Always, Two<AllAreKept>},
    {"Readers see whole values", Always, Two<WholeValues>},
    {"Readers never see a value go back", Always, Two<NeverGoBack>},
    {"Readers see an atomic batch as a whole", WithAtomicBatch, Two<BatchesAreWhole>},
    {"What stays is listed once beside writers", Always, Two<ListedWhileWritten>},
};

}  // namespace

std::span<const AdapterCase> RaceCases() { return kCases; }

}  // namespace dr::inline v0
