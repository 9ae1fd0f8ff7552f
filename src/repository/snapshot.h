// One component's state as chunks. The first record of a chunk says which component it belongs to
// and which of its chunks it is, so that a chunk in another's place is noticed. A state record that
// does not fit goes on in the next chunk.
#pragma once

#include <memory>
#include <string_view>

#include "dr/repository/repository.h"

namespace dr::inline v0 {

inline constexpr std::string_view kChunkPrefix = "chunk/";

/// The epoch in a chunk's key; 0 for older keys, which have none.
Epoch EpochOfChunk(std::string_view key);

std::unique_ptr<SnapshotWriter> NewSnapshotWriter(StateAdapter& store, Random& random,
                                                  const Clock& clock,
                                                  const RepositoryOptions& options,
                                                  ComponentSnapshot snapshot, Epoch epoch,
                                                  const Context& context);

std::unique_ptr<StateReader> NewSnapshotReader(StateAdapter& store, ComponentSnapshot snapshot,
                                               const Context& context);

}  // namespace dr::inline v0
