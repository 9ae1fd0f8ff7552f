// The bare loop: only what the device demands for the same records at the same durability. A file
// that was written once, one direct synchronous write for all who wait, two of them in flight.

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "bench/writer.h"

namespace bench {
namespace {

constexpr std::size_t kBlock = 4096;
constexpr std::size_t kFileBytes = 256 << 20;
constexpr std::size_t kGroupBytes = 1 << 20;

class LimitWriter final : public Writer {
 public:
  explicit LimitWriter(const std::string& directory) {
    for (char*& buffer : buffers_) buffer = static_cast<char*>(std::aligned_alloc(kBlock, kGroupBytes));
    for (char* buffer : buffers_) std::memset(buffer, 0, kGroupBytes);
    fd_ = open((directory + "/limit").c_str(), O_RDWR | O_CREAT | O_DIRECT | O_DSYNC, 0600);
    for (std::size_t at = 0; fd_ >= 0 && at < kFileBytes; at += kGroupBytes) {
      if (pwrite(fd_, buffers_[0], kGroupBytes, static_cast<off_t>(at)) < 0) fd_ = -1;
    }
  }
  ~LimitWriter() override {
    if (fd_ >= 0) close(fd_);
    for (char* buffer : buffers_) std::free(buffer);
  }
  bool Append(std::string_view record) override {
    std::unique_lock lock(mutex_);
    std::memcpy(buffers_[current_] + used_, record.data(), record.size());
    used_ += record.size();
    const std::uint64_t mine = ++appended_;
    while (done_ < mine) {
      if (written_ < mine && in_flight_ < 2) {
        WriteAll(lock);
      } else {
        changed_.wait(lock);
      }
    }
    return fd_ >= 0;
  }

 private:
  void WriteAll(std::unique_lock<std::mutex>& lock) {
    char* data = buffers_[current_];
    const std::size_t bytes = (used_ + kBlock - 1) / kBlock * kBlock;
    const std::uint64_t upto = written_ = appended_;
    const std::size_t at = offset_;
    offset_ = offset_ + bytes + kGroupBytes > kFileBytes ? 0 : offset_ + bytes;
    // Two are in flight at most, so the one after next is done.
    current_ = (current_ + 1) % buffers_.size();
    used_ = 0;
    ++in_flight_;
    const std::uint64_t before = order_++;
    lock.unlock();
    const bool ok = pwrite(fd_, data, bytes, static_cast<off_t>(at)) >= 0;
    lock.lock();
    while (finished_ < before) changed_.wait(lock);
    ++finished_;
    --in_flight_;
    if (!ok) fd_ = -1;
    done_ = upto;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::array<char*, 4> buffers_ = {};
  std::size_t current_ = 0;
  int fd_ = -1;
  std::size_t used_ = 0, offset_ = 0;
  int in_flight_ = 0;
  std::uint64_t appended_ = 0, written_ = 0, done_ = 0, order_ = 0, finished_ = 0;
};

}  // namespace

Contender Limit() {
  return {"limit", "direct synchronous writes into a file written before, two in flight",
          [](const std::string& directory) { return std::make_unique<LimitWriter>(directory); }};
}

}  // namespace bench
