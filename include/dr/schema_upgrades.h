// How records of older schemas become today's: one step per version, for snapshots and operations.
//
//   registry.AddStateUpgrade("inventory", 1, [](std::string_view record, dr::StateWriter& out) {
//     return out.Write(V2FromV1(record));              // one record may become none, one or many
//   });
//   registry.AddOperationUpgrade("inventory", 1,
//                                [](std::string_view op) { return V2OpFromV1(op); });
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/export.h"
#include "dr/state_stream.h"
#include "dr/types.h"

namespace dr::inline v0 {

/// Writes what one record of state becomes: none, one or several of the next version.
using StateUpgrade = std::function<absl::Status(std::string_view record, StateWriter& out)>;
/// Returns what the payload of one operation becomes in the next version.
using OperationUpgrade = std::function<absl::StatusOr<std::string>(std::string_view payload)>;

/// Filled when a host opens, then only read (by any thread). An error that a step returns, or
/// throws (kInternal), ends the reading.
///
/// A step belongs to its schema and not to a component: it upgrades the records of all components
/// of that schema. Each of them may register it, or one for all. So it must not depend on the
/// component that registers it.
class DR_EXPORT SchemaUpgrades {
 public:
  /// A step from `from_version` to the next. kAlreadyExists if it is registered already.
  absl::Status AddStateUpgrade(std::string_view schema, std::uint32_t from_version,
                               StateUpgrade step);
  /// Likewise for payloads of operations.
  absl::Status AddOperationUpgrade(std::string_view schema, std::uint32_t from_version,
                                   OperationUpgrade step);

  /// Takes over the steps of `sibling`, except those that are there already. kAlreadyExists if one
  /// of these is visibly different code: another function or lambda. What the same lambda has
  /// captured is not compared; the first one stays.
  absl::Status Merge(const SchemaUpgrades& sibling);

  /// OK if state, or operations, of version `found` can be upgraded to `today`. kUnimplemented
  /// names the missing step, or the version that is newer than this program.
  absl::Status CheckState(std::string_view schema, std::uint32_t found, std::uint32_t today) const;
  /// Likewise for payloads of operations.
  absl::Status CheckOperation(std::string_view schema, std::uint32_t found,
                              std::uint32_t today) const;

  /// `in`, upgraded record by record. Checked as by CheckState. The registry outlives the result.
  absl::StatusOr<std::unique_ptr<StateReader>> UpgradeState(std::unique_ptr<StateReader> in,
                                                            std::string_view schema,
                                                            std::uint32_t found,
                                                            std::uint32_t today) const;
  /// `payload` as it is today. Checked as by CheckOperation.
  absl::StatusOr<std::string> UpgradeOperation(std::string_view payload, std::string_view schema,
                                               std::uint32_t found, std::uint32_t today) const;

 private:
  using Step = std::pair<std::string, std::uint32_t>;
  std::map<Step, StateUpgrade> state_;
  std::map<Step, OperationUpgrade> operation_;
};

}  // namespace dr::inline v0
