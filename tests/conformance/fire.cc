#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "tests/conformance/own_server.h"
#include "tests/conformance/store_cases.h"
#include "tests/conformance/witness.h"
#include "tests/support/fault_proxy.h"

namespace dr::test {
namespace {

using Milliseconds = std::chrono::milliseconds;
constexpr int kWriters = 3;
constexpr int kSilences = 3;     // of which nothing may be left behind, as often again
constexpr int kPutsBetween = 5;  // of each writer, from one fault to the next
constexpr long kGrowthBytes = 4 << 20;
constexpr int kGrowthFiles = 8;  // idle connections are kept

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // it keeps what was freed, or notes about it
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(thread_sanitizer) || __has_feature(address_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

absl::Status Fail(const std::string& what) { return absl::InternalError(AsAbsl(what)); }

// Threads that write to one store, and each to its own keys, until they are told to stop.
class Writers {
 public:
  static absl::StatusOr<std::unique_ptr<Writers>> Start(StateAdapter& store,
                                                        const std::string& prefix,
                                                        Milliseconds patience) {
    std::unique_ptr<Writers> all(new Writers);
    for (int i = 0; i < kWriters; ++i) {
      all->writers_.push_back(
          std::make_unique<Writer>(store, fmt::format("{}{}/", prefix, i), patience));
      DR_RETURN_IF_ERROR(all->writers_.back()->witness.Begin());
    }
    for (const auto& writer : all->writers_) {
      writer->thread = std::jthread([&own = *writer](const std::stop_token& stop) {
        while (!stop.stop_requested() && own.broken.ok()) {
          own.broken = own.witness.Step();
          own.acknowledged = own.witness.acknowledged();
        }
        own.ended = true;
      });
    }
    return all;
  }

  /// Until each has had further calls acknowledged.
  absl::Status AwaitProgress() const {
    const SystemClock clock;
    const Instant end = clock.Now() + std::chrono::seconds(60);
    for (const auto& writer : writers_) {
      const int until = writer->acknowledged + kPutsBetween;
      while (writer->acknowledged < until && !writer->ended) {
        if (clock.Now() > end) return Fail("the store did not come back");
        std::this_thread::sleep_for(Milliseconds(1));
      }
    }
    return absl::OkStatus();
  }

  /// Ends them, and reads everything back.
  absl::Status Settle() {
    for (const auto& writer : writers_) writer->thread.request_stop();
    int disturbed = 0;
    for (const auto& writer : writers_) {
      writer->thread.join();
      DR_RETURN_IF_ERROR(writer->broken);
      DR_RETURN_IF_ERROR(writer->witness.Settle());
      disturbed += writer->witness.disturbed();
    }
    return disturbed > 0 ? absl::OkStatus() : Fail("nobody noticed anything");
  }

 private:
  struct Writer {
    Writer(StateAdapter& store, std::string prefix, Milliseconds patience)
        : witness(store, std::move(prefix), patience) {}
    Witness witness;
    absl::Status broken;
    std::atomic<int> acknowledged = 0;
    std::atomic<bool> ended = false;
    std::jthread thread;
  };
  Writers() = default;

  std::vector<std::unique_ptr<Writer>> writers_;
};

absl::Status ServerIsKilled(const Store& store, const std::string& prefix) {
  DR_ASSIGN_OR_RETURN(auto server, OwnServer::Start(std::string(store.server)));
  Place place(store);
  DR_ASSIGN_OR_RETURN(std::unique_ptr<StateAdapter> opened, place.Open());
  if (!opened->capabilities().durable) return Fail("it does not declare that it is durable");
  DR_ASSIGN_OR_RETURN(auto writers, Writers::Start(*opened, prefix, std::chrono::seconds(2)));
  std::mt19937 random(20'231);
  for (int i = 0; i < store.server_kills; ++i) {
    DR_RETURN_IF_ERROR(writers->AwaitProgress());
    std::this_thread::sleep_for(Milliseconds(random() % 100));
    DR_RETURN_IF_ERROR(server->Kill());
    std::this_thread::sleep_for(Milliseconds(random() % 100));
    DR_RETURN_IF_ERROR(server->Restart());
  }
  DR_RETURN_IF_ERROR(writers->AwaitProgress());
  return writers->Settle();
}

long ResidentBytes() {
  malloc_trim(0);
  std::ifstream statm("/proc/self/statm");
  long all = 0, resident = 0;
  statm >> all >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

int OpenFiles() {
  const std::filesystem::directory_iterator files("/proc/self/fd");
  return static_cast<int>(std::distance(begin(files), end(files)));
}

absl::Status GoSilentOften(FaultProxy& proxy, const Writers& writers) {
  for (int i = 0; i < kSilences; ++i) {
    DR_RETURN_IF_ERROR(writers.AwaitProgress());
    proxy.GoSilent();
    std::this_thread::sleep_for(Milliseconds(300));
    proxy.Heal();
  }
  return writers.AwaitProgress();
}

absl::Status NetworkGoesSilent(const Store& store, const std::string& prefix) {
  DR_ASSIGN_OR_RETURN(std::string uri, Place(store).Uri());
  FaultProxy proxy(PortOf(uri));
  DR_ASSIGN_OR_RETURN(std::unique_ptr<StateAdapter> opened, OpenUri(proxy.Through(uri)));
  DR_ASSIGN_OR_RETURN(auto writers, Writers::Start(*opened, prefix, Milliseconds(200)));
  DR_RETURN_IF_ERROR(GoSilentOften(proxy, *writers));
  const long bytes = ResidentBytes();
  const int files = OpenFiles();
  DR_RETURN_IF_ERROR(GoSilentOften(proxy, *writers));
  const long more_bytes = ResidentBytes() - bytes;
  const int more_files = OpenFiles() - files;
  DR_RETURN_IF_ERROR(writers->Settle());
  if ((more_bytes <= kGrowthBytes || kSanitized) && more_files <= kGrowthFiles)
    return absl::OkStatus();
  return Fail(fmt::format("{} bytes and {} files more", more_bytes, more_files));
}

bool HasOwnServer(const Store& store) { return store.server_kills > 0; }
bool HasServer(const Store& store) { return !store.server.empty(); }

constexpr StoreCase kSilenceCases[] = {
    {"D12: A network that goes silent ends every call in time and has no effect twice", HasServer,
     NetworkGoesSilent},
};
constexpr StoreCase kKillCases[] = {
    {"D13: What was acknowledged survives kills of its server", HasOwnServer, ServerIsKilled},
};

}  // namespace

std::span<const StoreCase> SilenceCases() { return kSilenceCases; }
std::span<const StoreCase> KillCases() { return kKillCases; }

}  // namespace dr::test
