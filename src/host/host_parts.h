// What an open host is made of.
#pragma once

#include "dr/host.h"
#include "src/checkpoint/checkpointer.h"
#include "src/component/component_set.h"
#include "src/host/host_events.h"
#include "src/host/host_storage.h"

namespace dr::inline v0 {

/// All references outlive its users.
struct HostParts {
  const HostOptions& options;
  const Clock& clock;
  const ComponentSet& components;
  HostStorage& storage;
  Checkpointer& checkpointer;
  Runtime& runtime;
  HostEvents& events;
};

}  // namespace dr::inline v0
