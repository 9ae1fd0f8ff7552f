// One component's state as objects. The first record of an object says which component it belongs
// to and which of its objects it is, so that one in another's place is noticed. A state record that
// does not fit goes on in the next object.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "dr/repository/repository.h"

namespace dr::inline v0 {

inline constexpr std::string_view kObjectPrefix = "data/";

/// The epoch in an object's name; nullopt: it is none of ours.
std::optional<Epoch> EpochOfObject(std::string_view name);

/// Where objects go, and under which names: `data/<epoch>/<run>-<ordinal>`. References outlive the
/// writer.
struct ObjectTarget {
  StateAdapter& store;
  Random& random;
  const Clock& clock;
  const RepositoryOptions& options;
  Epoch epoch;
  std::uint64_t run;
  std::uint64_t& ordinal;  ///< of the last name that was given
};

std::unique_ptr<SnapshotWriter> NewSnapshotWriter(const ObjectTarget& target,
                                                  ComponentSnapshot snapshot,
                                                  const Context& context);

std::unique_ptr<StateReader> NewSnapshotReader(StateAdapter& store, ComponentSnapshot snapshot,
                                               const Context& context);

}  // namespace dr::inline v0
