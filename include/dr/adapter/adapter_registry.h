// Which stores a program can open, by the scheme of their URI.
//
//   dr::AdapterRegistry adapters = dr::LinkedAdapters();      // all that were built and linked
//   auto store = adapters.Open("file:///backup/agent", environment, context);
//   auto store = adapters.Open("${AGENT_STORE}", environment, context);
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/adapter/state_adapter.h"
#include "dr/clock.h"
#include "dr/environment/file_system.h"
#include "dr/environment/random.h"
#include "dr/environment/uri.h"
#include "dr/environment/variables.h"
#include "dr/export.h"
#include "dr/types.h"

namespace dr::inline v0 {

/// What an adapter may need. All of it outlives the adapter.
struct AdapterEnvironment {
  FileSystem* files = nullptr;                 ///< never null where an adapter is called
  const Clock* clock = nullptr;                ///< likewise
  Random* random = nullptr;                    ///< likewise
  VariableLookup variables = ProcessVariable;  ///< for ${NAME} in URIs
};

/// Opens the store that a URI names. kInvalidArgument names what is wrong in the URI.
using AdapterFactory = std::function<absl::StatusOr<std::unique_ptr<StateAdapter>>(
    const Uri& uri, const AdapterEnvironment& environment, const Context& context)>;

/// A value that main() builds and hands on. Not thread-safe while it changes.
class DR_EXPORT AdapterRegistry {
 public:
  /// kAlreadyExists if the scheme is taken, kInvalidArgument if it is not a scheme in lower case.
  absl::Status Register(std::string_view scheme, AdapterFactory factory);
  /// Replaces variables first (dr/environment/variables.h). kInvalidArgument for a URI that cannot
  /// be read and for a variable that is not set, kUnimplemented for an unknown scheme, naming the
  /// known ones. Secrets of the URI appear in no error. No exception leaves this call or the store
  /// that it returns: running out of memory is kResourceExhausted, or kUnknown during a write.
  /// (GetMany throws if there is no memory for its results.)
  absl::StatusOr<std::unique_ptr<StateAdapter>> Open(std::string_view uri,
                                                     const AdapterEnvironment& environment,
                                                     const Context& context = {}) const;
  /// All registered schemes, in order.
  std::vector<std::string> Schemes() const;

 private:
  std::map<std::string, AdapterFactory, std::less<>> factories_;
};

/// All adapters that this program is linked with. In the CMake target dr::adapters.
DR_EXPORT AdapterRegistry LinkedAdapters();

}  // namespace dr::inline v0
