// What the kernel says of this process's threads.
#pragma once

#include <pthread.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace dr::test {

/// How often each thread whose name begins with "dr-" has gone to sleep, by name.
inline std::map<std::string, std::uint64_t> SleepsOfHostThreads() {
  std::map<std::string, std::uint64_t> sleeps;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name, word;
    std::ifstream(task.path() / "comm") >> name;
    if (!name.starts_with("dr-")) continue;
    std::ifstream status(task.path() / "status");
    while (status >> word && word != "voluntary_ctxt_switches:") {
    }
    std::uint64_t count = 0;
    if (status >> count) sleeps[name] += count;
  }
  return sleeps;
}

/// While it lives a thread gets a stack of so many bytes.
class StackBytes {
 public:
  explicit StackBytes(std::size_t bytes) {
    pthread_getattr_default_np(&before_);
    pthread_attr_t wanted = {};
    pthread_attr_init(&wanted);
    pthread_attr_setstacksize(&wanted, bytes);
    pthread_setattr_default_np(&wanted);
    pthread_attr_destroy(&wanted);
  }
  ~StackBytes() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }
  StackBytes(const StackBytes&) = delete;
  StackBytes& operator=(const StackBytes&) = delete;

 private:
  pthread_attr_t before_ = {};
};

/// More than there is: no thread can be made in this process, as where a limit has been reached.
inline constexpr std::size_t kNoThreads = std::size_t{1} << 46;

}  // namespace dr::test
