// Counts on several lanes at once until something ends the process.
//
//   real_worker DIRECTORY [--buffered] [--no-checkpoints]
//     works, and writes "ack LANE INDEX" when a commit is done or "refused LANE INDEX CODE MESSAGE",
//     and goes on with the next index; SIGTERM ends it in order
//   real_worker DIRECTORY [--buffered] --check
//     recovers, and writes "path direct" or "path buffered", and "state LANE COMPONENT FIRST-LAST …",
//     runs of indices in the order in which they were applied
//
// With --sizes-by-volume the log and the checkpoints are as they are by default.
// With --no-checkpoints none is due until the disk is full, and nothing is put aside for it.
// With --buffered the kernel refuses O_DIRECT, as a file system does that has no direct writes.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <semaphore>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "dr/host.h"
#include "dr/signal.h"
#include "fmt/format.h"

namespace {

constexpr std::size_t kLanes = 4;
constexpr std::ptrdiff_t kAsyncPending = 8;  // as promises.py has it

// What an index of a lane says: small mostly, now and then longer than a group.
std::string Payload(std::size_t lane, std::uint64_t index) {
  const std::size_t length = index % 50 == 0 ? 90'000 : index * 37 % 2000;
  return fmt::format("{} {} {}", lane, index, std::string(length, "abcdefg"[index % 7]));
}

struct Run {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

// Takes the numbers at the beginning of `text`; false where there are fewer.
template <typename... Numbers>
bool Parse(std::string_view text, Numbers&... numbers) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto parse = [&](auto& number) {
    const auto [behind, error] = std::from_chars(at, end, number);
    at = std::min(behind + 1, end);
    return error == std::errc();
  };
  return (parse(numbers) && ...);
}

class Ledger : public dr::StatefulComponent {
 public:
  explicit Ledger(std::string id)
      : StatefulComponent(std::move(id), {.name = "ledger", .version = 1}) {}

  absl::Status Add(std::size_t lane, std::uint64_t index) {
    return Commit(Payload(lane, index)).status();
  }
  void AddAsync(std::size_t lane, std::uint64_t index,
                absl::AnyInvocable<void(absl::StatusOr<dr::Lsn>) &&> done) {
    CommitAsync(Payload(lane, index), {}, std::move(done));
  }
  std::vector<Run> Of(std::size_t lane) const {
    dr::ReaderLock lock(state_mutex());
    return lanes_[lane];
  }

 private:
  absl::Status Apply(const dr::Operation& operation) override {
    std::size_t lane = 0;
    std::uint64_t index = 0;
    if (!Parse(operation.payload, lane, index) || lane >= kLanes) {
      return absl::InternalError("not a lane and an index");
    }
    if (operation.payload != Payload(lane, index)) index = 0;  // which nobody submits
    std::vector<Run>& runs = lanes_[lane];
    if (runs.empty() || index != runs.back().last + 1) {
      runs.push_back({index, index});
    } else {
      runs.back().last = index;
    }
    return absl::OkStatus();
  }

  absl::Status SaveState(dr::StateWriter& out) const override {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      for (const Run& run : lanes_[lane]) {
        const absl::Status status = out.Write(fmt::format("{} {} {}", lane, run.first, run.last));
        if (!status.ok()) return status;
      }
    }
    return absl::OkStatus();
  }

  absl::Status LoadState(dr::StateReader& in) override {
    lanes_ = {};
    for (;;) {
      const absl::StatusOr<std::optional<std::string_view>> record = in.Next();
      if (!record.ok()) return record.status();
      if (!record->has_value()) return absl::OkStatus();
      std::size_t lane = 0;
      Run run;
      if (!Parse(**record, lane, run.first, run.last) || lane >= kLanes) {
        return absl::InternalError("not a run of a lane");
      }
      lanes_[lane].push_back(run);
    }
  }

  std::array<std::vector<Run>, kLanes> lanes_;
};

// One call for each line: whole in the pipe or not there at all, and never held back in a buffer.
void Say(std::string line) {
  line += '\n';
  const auto size = static_cast<ssize_t>(line.size());
  if (::write(STDOUT_FILENO, line.data(), line.size()) != size) _exit(3);
}

void SayOutcome(std::size_t lane, std::uint64_t index, const absl::Status& status) {
  Say(status.ok() ? fmt::format("ack {} {}", lane, index)
                  : fmt::format("refused {} {} {} {}", lane, index, static_cast<int>(status.code()),
                                dr::AsStd(status.message())));
}

std::uint64_t Newest(const std::vector<Run>& runs) { return runs.empty() ? 0 : runs.back().last; }

// A single commit, and the next when it has returned.
void CountSingly(std::stop_token stop, Ledger& ledger, std::size_t lane) {
  for (std::uint64_t index = Newest(ledger.Of(lane)); !stop.stop_requested();) {
    ++index;
    SayOutcome(lane, index, ledger.Add(lane, index));
  }
}

// The same index in both, or in neither.
void CountInBatches(std::stop_token stop, Ledger& left, Ledger& right, std::size_t lane) {
  for (std::uint64_t index = Newest(left.Of(lane)); !stop.stop_requested();) {
    ++index;
    const std::string payload = Payload(lane, index);
    const std::array<dr::ComponentCommit, 2> batch = {{{&left, payload}, {&right, payload}}};
    SayOutcome(lane, index, dr::CommitAll(batch).status());
  }
}

void CountAsync(std::stop_token stop, Ledger& ledger, std::size_t lane) {
  std::counting_semaphore<kAsyncPending> room(kAsyncPending);
  for (std::uint64_t index = Newest(ledger.Of(lane)); !stop.stop_requested();) {
    room.acquire();
    ++index;
    ledger.AddAsync(lane, index, [lane, index, &room](absl::StatusOr<dr::Lsn> lsn) {
      SayOutcome(lane, index, lsn.status());
      room.release();
    });
  }
  for (std::ptrdiff_t pending = 0; pending < kAsyncPending; ++pending) room.acquire();
}

bool RefuseDirectWrites() {
  constexpr auto kArgument = [](int i) {
    return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + 8 * i);  // its low half
  };
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fcntl, 0, 5),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kArgument(1)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_SETFL, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kArgument(2)),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_DIRECT, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{.len = std::size(filter), .filter = filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

void SayState(const std::array<Ledger*, 2>& ledgers) {
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    for (const Ledger* ledger : ledgers) {
      std::string line = fmt::format("state {} {}", lane, ledger->id());
      for (const Run& run : ledger->Of(lane)) line += fmt::format(" {}-{}", run.first, run.last);
      Say(line);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv, argv + argc);
  const auto given = [&](std::string_view option) {
    return std::ranges::count(arguments, option) > 0;
  };
  if (argc < 2 || (given("--buffered") && !RefuseDirectWrites())) return 2;
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // so that it keeps no disk busy
  const auto signals = dr::ShutdownSignals::Block();
  if (!signals.ok()) return dr::PrintError(signals.status());

  Ledger left("left"), right("right");
  dr::CheckpointPolicy checkpoint{.operations = 100};
  if (given("--no-checkpoints")) {
    checkpoint = {.interval = {}, .log_bytes = 0, .reserve_bytes = 0};
  }
  // Small, so that a short life meets new segments, used ones and checkpoints.
  dr::LogLimits log = {.segment_bytes = 256 << 10, .group_bytes = 64 << 10, .ring_capacity = 32};
  if (given("--sizes-by-volume")) {
    log = {};
    checkpoint = {};
  }
  auto host = dr::Host::Open(
      {.directory = argv[1], .components = {&left, &right}, .checkpoint = checkpoint, .log = log},
      {});
  if (!host.ok()) return dr::PrintError(host.status());
  if (given("--check")) {
    Say((*host)->figures().wal.direct ? "path direct" : "path buffered");
    SayState({&left, &right});
    return 0;
  }
  if (absl::Status status = (*host)->Start(); !status.ok()) return dr::PrintError(status);
  std::jthread first(CountSingly, std::ref(left), 0);
  std::jthread second(CountSingly, std::ref(right), 1);
  std::jthread third(CountInBatches, std::ref(left), std::ref(right), 2);
  std::jthread fourth(CountAsync, std::ref(right), 3);
  signals->Wait();
  return dr::PrintError((*host)->Shutdown());
}
