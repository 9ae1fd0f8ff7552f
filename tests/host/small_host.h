// A host for tests: small files and a small ring, so that little work reaches every edge of them.
#pragma once

#include <utility>
#include <vector>

#include "dr/host.h"
#include "tests/log/log_fixture.h"

namespace dr::test {

inline HostOptions Options(const TempDirectory& directory,
                           std::vector<StatefulComponent*> components) {
  HostOptions options;
  options.directory = directory.path() + "/state";
  options.components = std::move(components);
  options.log = {.segment_bytes = 1 << 20, .group_bytes = 64 << 10, .ring_capacity = 64};
  return options;
}

}  // namespace dr::test
