#include "tests/conformance/stores.h"

#include <stdlib.h>

#include <algorithm>

#include "dr/adapter/directory_store.h"
#include "dr/adapter/memory_store.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::test {
namespace {

constexpr std::uint64_t kAllOfFive = 10'000'000, kMostOfFive = 1'000'000, kAllOfThree = 20'000;

constexpr Capabilities kEverything = {.if_absent = true,
                                      .if_version = true,
                                      .atomic_batch = true,
                                      .ttl = true,
                                      .max_value_bytes = 256 << 20};

// They make hundreds of calls and more, or several Puts to one key at a time, of which Swift may
// drop one.
constexpr std::string_view kLongCases[] = {
    "A batch has any bytes",
    "A batch has hundreds of keys",
    "A page is bounded",
    "A long listing of folders is in order",
    "A key begins with any byte",
    "A key ends with any byte",
    "A key has any byte inside",
    "A value is any bytes",
    "D9: A long listing has every key once",
    "D9: A page goes on where its last key was deleted",
    "D9: What is replaced meanwhile is listed once",
    "D9: What stays is listed once while others are put",
    "D9: What stays is listed once while others are deleted",
    "Readers never see a value go back",
    "Readers see whole values",
    "What stays is listed once beside writers",
    "What was acknowledged survives the kill of its client, and nothing is torn",
};

const Store kStores[] = {
    {"memory",
     "",
     "",
     Clients::kOneObject,
     {.if_absent = true,
      .if_version = true,
      .atomic_batch = true,
      .ttl = true,
      .max_value_bytes = 1 << 20},
     kAllOfFive},
    {"simulated_files",
     "",
     "",
     Clients::kOneProcess,
     {.if_absent = true, .if_version = true, .max_value_bytes = 256 << 20},
     kMostOfFive},
    {"filesystem",
     "filesystem",
     "",
     Clients::kProcesses,
     {.if_absent = true, .if_version = true, .max_value_bytes = 256 << 20},
     kAllOfThree},
    {"rocksdb",
     "rocksdb",
     "",
     Clients::kProcessAtATime,
     {.if_absent = true, .if_version = true, .atomic_batch = true, .max_value_bytes = 256 << 20},
     kAllOfThree},
    {"redis",
     "redis",
     "DR_TEST_REDIS",
     Clients::kProcesses,
     kEverything,
     kMostOfFive,
     {},
     "redis",
     6},
    {"redis_cluster",
     "redis",
     "DR_TEST_REDIS_CLUSTER",
     Clients::kProcesses,
     kEverything,
     kAllOfThree,
     {},
     "",
     0,
     true},
    {"redis_sentinel", "redis", "DR_TEST_REDIS_SENTINEL", Clients::kProcesses, kEverything,
     kAllOfThree, kLongCases},
    {"postgres",
     "postgres",
     "DR_TEST_POSTGRES",
     Clients::kProcesses,
     kEverything,
     kAllOfThree,
     {},
     "postgres",
     2},
    {"s3",
     "s3",
     "DR_TEST_S3",
     Clients::kProcesses,
     {.if_absent = true, .if_version = true, .max_value_bytes = 256 << 20},
     kAllOfThree,
     {},
     "ceph",
     1,
     true},
    {"swift",
     "s3",
     "DR_TEST_SWIFT",
     Clients::kProcesses,
     {.max_value_bytes = 256 << 20},
     kAllOfThree,
     kLongCases},
};

std::vector<std::string> BuiltAdapters() {
  std::vector<std::string> names;
  std::string_view rest = DR_BUILT_ADAPTERS;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    names.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return names;
}

}  // namespace

std::span<const std::string_view> LongCases() { return kLongCases; }

std::span<const Store> AllStores() { return kStores; }

std::vector<Store> Stores() {
  const std::vector<std::string> built = BuiltAdapters();
  std::vector<Store> stores;
  for (const Store& store : kStores) {
    if (store.adapter.empty() ||
        std::find(built.begin(), built.end(), store.adapter) != built.end())
      stores.push_back(store);
  }
  return stores;
}

std::vector<std::string> AdaptersWithoutStore() {
  std::vector<std::string> names = BuiltAdapters();
  for (const Store& store : kStores) std::erase(names, store.adapter);
  return names;
}

absl::StatusOr<std::unique_ptr<StateAdapter>> OpenUri(std::string_view uri) {
  static PosixFileSystem files;
  static SystemClock clock;
  static SystemRandom random;
  static const AdapterRegistry adapters = LinkedAdapters();
  return adapters.Open(uri, {&files, &clock, &random});
}

absl::StatusOr<std::string> Place::Uri() {
  if (store_.variable.empty()) {
    if (!directory_) directory_.emplace();
    return fmt::format("{}{}", store_.name == "filesystem" ? "file://" : "rocksdb://",
                       *directory_ / "store");
  }
  const char* uri = getenv(std::string(store_.variable).c_str());
  if (uri != nullptr) return uri;
  return absl::FailedPreconditionError(AsAbsl(fmt::format(
      "{} is not set: run scripts/servers start, and source build/servers/env", store_.variable)));
}

absl::StatusOr<std::unique_ptr<StateAdapter>> Place::Open() {
  if (store_.name == "memory") return std::make_unique<MemoryStore>(1 << 20);
  if (store_.name == "simulated_files") {
    DR_ASSIGN_OR_RETURN(std::unique_ptr<Directory> root,
                        disk_.OpenDirectory("/store", Create::kIfMissing));
    return DirectoryStore::Open(std::move(root), random_, clock_);
  }
  DR_ASSIGN_OR_RETURN(std::string uri, Uri());
  return OpenUri(uri);
}

void TakeCredentials() {
  for (const char* name :
       {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SHARED_CREDENTIALS_FILE"}) {
    if (const char* value = getenv(fmt::format("DR_TEST_{}", name).c_str())) setenv(name, value, 1);
  }
}

}  // namespace dr::test
