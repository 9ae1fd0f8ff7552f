// The components of a host: who they are, how older records become theirs, and which are given up.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dr/log/segment.h"
#include "dr/schema_upgrades.h"
#include "src/component/component_core.h"

namespace dr::inline v0 {

/// Filled at open, then only read (from any thread).
class ComponentSet {
 public:
  using Cores = std::map<std::string_view, std::shared_ptr<ComponentCore>>;

  ComponentSet() = default;
  /// Checks ids and that each component is given once, to one host in its life, and takes its
  /// upgrades. It keeps what stands behind them if they are destroyed before their host. `retired`
  /// are those whose state is given up.
  static absl::StatusOr<ComponentSet> Claim(const std::vector<StatefulComponent*>& components,
                                            std::vector<std::string> retired);

  Cores::const_iterator begin() const { return cores_.begin(); }
  Cores::const_iterator end() const { return cores_.end(); }
  /// Null: there is none.
  ComponentCore* Find(std::string_view id) const;
  std::vector<ComponentCore*> All() const;

  /// Whose a saved state or an operation is, as of `lsn`. Null: it is given up.
  /// kFailedPrecondition: a component has state and was not given to the host.
  absl::StatusOr<ComponentCore*> OwnerOf(std::string_view id, Lsn lsn) const;
  /// Records of `schema`, as `component` reads them. kUnimplemented: another schema, or no way.
  absl::StatusOr<std::unique_ptr<StateReader>> Upgrade(std::unique_ptr<StateReader> records,
                                                       const Schema& schema,
                                                       const ComponentCore& component) const;
  /// Gives one record of the log to its component, if that lacks it. False: nobody needed it.
  absl::StatusOr<bool> Replay(const RecordView& record) const;
  /// All have the state of a new instance.
  absl::Status Clear() const;

 private:
  Cores cores_;
  SchemaUpgrades upgrades_;
  std::vector<std::string> retired_;
};

}  // namespace dr::inline v0
