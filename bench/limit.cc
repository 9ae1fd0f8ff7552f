#include "bench/limit.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

#include "bench/rate.h"
#include "dr/digest.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace bench {
namespace {

constexpr std::size_t kBlock = 4096, kFileBytes = 64 << 20, kGroupBytes = 1 << 20;
constexpr std::size_t kRecordHeader = 8, kGroupHeader = 16;

struct Free {
  void operator()(char* memory) const { std::free(memory); }
};
using Buffer = std::unique_ptr<char, Free>;

Buffer Aligned(std::size_t bytes) {
  Buffer buffer(static_cast<char*>(std::aligned_alloc(kBlock, bytes)));
  std::memset(buffer.get(), 0, bytes);
  return buffer;
}

std::size_t Padded(std::size_t bytes) { return (bytes + kBlock - 1) / kBlock * kBlock; }

char* Copy(char* to, std::uint64_t number, const std::string& payload) {
  std::memcpy(to, &number, kRecordHeader);
  std::memcpy(to + kRecordHeader, payload.data(), payload.size());
  return to + kRecordHeader + payload.size();
}

void Seal(char* group, std::size_t bytes) {
  const std::uint64_t hash = dr::HashOf({group + sizeof(hash), bytes - sizeof(hash)});
  std::memcpy(group, &hash, sizeof(hash));
}

absl::Status Failed(std::string_view what) {
  return absl::UnavailableError(fmt::format("{}: {}", what, std::strerror(errno)));
}

/// Group commit with nothing around it. The first record of a group makes its writer the leader,
/// who waits for a place in flight, closes the group, writes it, and wakes the others in order.
class BareGroups {
 public:
  BareGroups(const BareLog& log, std::size_t record_bytes, int threads, int window, int in_flight)
      : log_(log),
        payload_(record_bytes, 'x'),
        window_(window),
        in_flight_(in_flight),
        stored_max_(Padded(kGroupHeader + threads * window * (kRecordHeader + record_bytes))) {
    for (Group& group : groups_) group.buffer = Aligned(stored_max_);
  }

  absl::Status Append() {
    std::uint64_t number = 0;
    bool leads = false;
    {
      std::lock_guard lock(mutex_);
      number = open_;
      Group& group = groups_[number % kGroups];
      leads = group.used == 0;
      char* at = group.buffer.get() + (leads ? kGroupHeader : group.used);
      for (int i = 0; i < window_; ++i) at = Copy(at, number, payload_);
      group.used = static_cast<std::size_t>(at - group.buffer.get());
    }
    if (leads) return Lead(number);
    Await(number);
    return absl::OkStatus();
  }

 private:
  static constexpr std::uint64_t kGroups =
      4;  // filling, in flight twice, being left by those woken
  struct Group {
    Buffer buffer;
    std::size_t used = 0;
    std::atomic<std::uint64_t> done = 0;  ///< the number of the last group here that is durable
  };

  void Await(std::uint64_t number) {
    std::atomic<std::uint64_t>& done = groups_[number % kGroups].done;
    for (std::uint64_t seen = done.load(); seen < number; seen = done.load()) done.wait(seen);
  }

  absl::Status Lead(std::uint64_t number) {
    if (number > in_flight_) Await(number - in_flight_);
    Group& group = groups_[number % kGroups];
    std::size_t stored = 0;
    std::uint64_t offset = 0;
    {
      std::lock_guard lock(mutex_);
      stored = Padded(group.used);
      ++open_;
      groups_[open_ % kGroups].used = 0;
      if (next_offset_ + stored > kFileBytes) next_offset_ = 0;
      offset = next_offset_;
      next_offset_ += stored;
    }
    Seal(group.buffer.get(), stored);
    absl::Status written = log_.Write(group.buffer.get(), stored, offset);
    Await(number - 1);
    group.done = number;
    group.done.notify_all();
    return written;
  }

  const BareLog& log_;
  const std::string payload_;
  const int window_;
  const std::uint64_t in_flight_;
  const std::size_t stored_max_;
  std::mutex mutex_;
  std::uint64_t open_ = 1, next_offset_ = 0;
  std::array<Group, kGroups> groups_;
};

/// One writer who waits for nothing but room: groups of 1 MiB, one filling and one on its way.
class BareStream {
 public:
  explicit BareStream(const BareLog& log) : log_(log), writer_([this] { Write(); }) {}

  // One call a record, as with any log.
  [[gnu::noinline]] void Append(const std::string& payload) {
    if (used_ + kRecordHeader + payload.size() > kGroupBytes) Close();
    char* const at = buffers_[full_ % 2].get() + used_;
    used_ += static_cast<std::size_t>(Copy(at, full_, payload) - at);
  }
  absl::Status Finish() {
    Close();
    AwaitWritten();
    closing_ = true;
    ++full_;
    full_.notify_one();
    writer_.join();
    return status_;
  }

 private:
  void Close() {
    Seal(buffers_[full_ % 2].get(), kGroupBytes);
    AwaitWritten();
    ++full_;
    full_.notify_one();
    used_ = kGroupHeader;
  }
  void AwaitWritten() {
    for (std::uint64_t seen = written_; seen < full_; seen = written_) written_.wait(seen);
  }
  void Write() {
    for (std::uint64_t number = 0;; ++number) {
      full_.wait(number);
      if (closing_) return;
      absl::Status status =
          log_.Write(buffers_[number % 2].get(), kGroupBytes, number * kGroupBytes % kFileBytes);
      if (!status.ok()) status_ = status;
      written_ = number + 1;
      written_.notify_one();
    }
  }

  const BareLog& log_;
  const std::array<Buffer, 2> buffers_ = {Aligned(kGroupBytes), Aligned(kGroupBytes)};
  std::size_t used_ = kGroupHeader;
  std::atomic<std::uint64_t> full_ = 0, written_ = 0;  ///< groups
  std::atomic<bool> closing_ = false;
  absl::Status status_;  // the writer's, until it has ended
  std::thread writer_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<BareLog>> BareLog::Open(const std::string& directory) {
  const std::string name = directory + "/bare.log";
  int fd = open(name.c_str(), O_RDWR | O_CREAT | O_DIRECT | O_DSYNC | O_CLOEXEC, 0600);
  const Buffer zeros = Aligned(kGroupBytes);
  const bool direct = fd >= 0 && pwrite(fd, zeros.get(), kBlock, 0) == kBlock;
  if (!direct) {
    if (fd >= 0) close(fd);
    fd = open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return Failed("open");
  }
  std::unique_ptr<BareLog> log(new BareLog(fd, direct));
  for (std::size_t at = 0; at < kFileBytes; at += kGroupBytes) {
    DR_RETURN_IF_ERROR(log->Write(zeros.get(), kGroupBytes, at));
  }
  if (fsync(fd) != 0) return Failed("fsync");
  return log;
}

BareLog::~BareLog() { close(fd_); }

absl::Status BareLog::Write(const char* data, std::size_t bytes, std::uint64_t offset) const {
  if (pwrite(fd_, data, bytes, static_cast<off_t>(offset)) != static_cast<ssize_t>(bytes)) {
    return Failed("pwrite");
  }
  return direct_ || fdatasync(fd_) == 0 ? absl::OkStatus() : Failed("fdatasync");
}

absl::StatusOr<double> BareLog::Durable(std::size_t bytes, int threads, int window,
                                        double seconds) {
  double best = 0;
  const int shapes = threads == 1 ? 1 : 2;
  for (int in_flight = 1; in_flight <= shapes; ++in_flight) {
    BareGroups groups(*this, bytes, threads, window, in_flight);
    DR_ASSIGN_OR_RETURN(double rate,
                        Rate(threads, seconds / shapes, [&](int) -> absl::StatusOr<std::uint64_t> {
                          DR_RETURN_IF_ERROR(groups.Append());
                          return window;
                        }));
    best = std::max(best, rate);
  }
  return best;
}

absl::StatusOr<double> BareLog::Buffered(std::size_t bytes, double seconds) {
  constexpr int kCalls = 1000;  // between two looks at the clock
  const std::string payload(bytes, 'x');
  BareStream stream(*this);
  absl::StatusOr<double> rate = Rate(1, seconds, [&](int) -> absl::StatusOr<std::uint64_t> {
    for (int i = 0; i < kCalls; ++i) stream.Append(payload);
    return kCalls;
  });
  DR_RETURN_IF_ERROR(stream.Finish());
  return rate;
}

}  // namespace bench
