// The stores that the cases are run on, by name.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dr/adapter/adapter_registry.h"
#include "dr/testing/adapter_cases.h"
#include "dr/testing/sim_file_system.h"
#include "tests/support/temp_directory.h"

namespace dr::test {

/// Who may have a store open at one time.
enum class Clients {
  kOneObject,       ///< and with it the store ends
  kOneProcess,      ///< and with it the store ends
  kProcessAtATime,  ///< which may have it open many times
  kProcesses,
};

struct Store {
  std::string_view name;
  std::string_view adapter;  ///< that must have been built; empty: a part of core
  /// The environment variable that says where it is; empty: it is made for the run.
  std::string_view variable;
  Clients clients;
  /// What it must declare: a capability that is lost would leave cases out, and nobody would see.
  Capabilities declared;
  std::uint64_t model_calls;
  /// Cases that would take minutes or are too much for it, and that another store of this adapter
  /// runs.
  std::span<const std::string_view> left_out = {};
  /// In tests/servers: one that keeps its data and is reached at one address; empty: there is none.
  std::string_view server = "";
  int server_kills = 0;  ///< as many as its starts are worth
  bool is_slow = false;  ///< the build with AddressSanitizer leaves out the long cases
};

/// Names of cases that make hundreds of calls and more.
std::span<const std::string_view> LongCases();

std::span<const Store> AllStores();
/// Those whose adapter was built.
std::vector<Store> Stores();

/// Adapters that were built and are no store's.
std::vector<std::string> AdaptersWithoutStore();

/// Where a store is, for as long as this exists.
class Place {
 public:
  explicit Place(const Store& store) : store_(store) {}

  absl::StatusOr<std::unique_ptr<StateAdapter>> Open();
  /// Of stores that outlive the process.
  absl::StatusOr<std::string> Uri();

 private:
  const Store store_;
  std::optional<TempDirectory> directory_;
  SimFileSystem disk_;
  SystemClock clock_;
  SystemRandom random_;
};

absl::StatusOr<std::unique_ptr<StateAdapter>> OpenUri(std::string_view uri);

/// Those of the S3 servers are in the environment under other names, so that no test uses those of
/// whoever runs it.
void TakeCredentials();

}  // namespace dr::test
