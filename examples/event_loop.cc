// A host in a program's own event loop: no thread but this one, and no needless call.
//
//   event_loop [DIRECTORY]
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>

#include "dr/host.h"
#include "fmt/format.h"

namespace {

class Counter : public dr::StatefulComponent {
 public:
  Counter() : StatefulComponent("counter", {.name = "counter", .version = 1}) {}

  void Count(absl::AnyInvocable<void(absl::StatusOr<dr::Lsn>) &&> done) {
    CommitAsync("+1", {}, std::move(done));
  }
  int count() const {
    dr::ReaderLock lock(state_mutex());
    return count_;
  }

 private:
  absl::Status Apply(const dr::Operation&) override {
    ++count_;
    return absl::OkStatus();
  }
  absl::Status SaveState(dr::StateWriter& out) const override {
    return out.Write(std::to_string(count_));
  }
  absl::Status LoadState(dr::StateReader& in) override {
    const absl::StatusOr<std::optional<std::string_view>> record = in.Next();
    if (record.ok()) count_ = *record ? std::stoi(std::string(**record)) : 0;
    return record.status();
  }

  int count_ = 0;
};

// Milliseconds for poll(), rounded up, so that the time has come when it returns.
int Until(dr::Instant at, const dr::Clock& clock) {
  if (at.is_never()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(at - clock.Now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory =
      argc > 1 ? argv[1] : (std::filesystem::temp_directory_path() / "dr_event_loop").string();
  const dr::SystemClock clock;
  Counter counter;
  auto host = dr::Host::Open({.directory = directory, .components = {&counter}}, {});
  if (!host.ok()) return dr::PrintError(host.status());
  const absl::StatusOr<int> descriptor = (*host)->descriptor();
  if (!descriptor.ok()) return dr::PrintError(descriptor.status());

  int done = 0, steps = 0;
  for (int i = 0; i < 3; ++i) {
    counter.Count([&](absl::StatusOr<dr::Lsn> lsn) { done += lsn.ok() ? 1 : 0; });
  }
  // The program's own descriptors would stand beside the host's.
  while (done < 3 || (*host)->figures().wal.unsealed_records > 0) {
    pollfd polled[] = {{.fd = *descriptor, .events = POLLIN, .revents = 0}};
    if (poll(polled, 1, Until((*host)->next_deadline(), clock)) < 0) return 1;
    ++steps;
    if (absl::Status s = (*host)->Step(); !s.ok()) return dr::PrintError(s);
  }
  fmt::print("{} counted, in {} steps of the host\n", counter.count(), steps);
  return dr::PrintError((*host)->Shutdown());
}
