#include "bench/place.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "fmt/format.h"

namespace bench {
namespace {

volatile std::sig_atomic_t told_to_stop = 0;

}  // namespace

absl::StatusOr<Place> Place::Create(const std::string& parent, const Effort& effort) {
  std::string path = parent + "/dr-bench-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) {
    return absl::UnavailableError(
        fmt::format("no directory can be made in {}; name another with --directory", parent));
  }
  // Servers that run as another user must get through.
  std::filesystem::permissions(path, std::filesystem::perms(0711));
  return Place(std::move(path), effort);
}

Place::~Place() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

absl::StatusOr<std::string> Place::Fresh(const std::string& name) {
  std::string path = fmt::format("{}/{}-{}", path_, name, next_++);
  std::error_code error;
  if (!std::filesystem::create_directory(path, error)) {
    return absl::UnavailableError(fmt::format("{}: {}", path, error.message()));
  }
  return path;
}

void Place::Clear() {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(path_, ignored)) {
    std::filesystem::remove_all(entry.path(), ignored);
  }
}

void Place::CatchSignals() {
  struct sigaction action {};
  action.sa_handler = [](int) { told_to_stop = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

bool Place::stopping() { return told_to_stop != 0; }

}  // namespace bench
