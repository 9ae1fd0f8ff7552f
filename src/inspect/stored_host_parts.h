// What a StoredHost is made of, for those that read it.
#pragma once

#include <memory>
#include <string>

#include "dr/adapter/directory_store.h"
#include "dr/inspect/stored_host.h"
#include "dr/repository/repository.h"

namespace dr::inline v0 {

/// An InspectEnvironment in which nothing is left out.
struct ResolvedEnvironment {
  FileSystem& files;
  const Clock& clock;
  Random& random;
};
ResolvedEnvironment Resolve(const InspectEnvironment& environment);

struct StoredHost::Parts {
  ResolvedEnvironment environment;
  std::string path = {};
  std::string generation = {};
  std::unique_ptr<Directory> wal = {};
  std::unique_ptr<DirectoryStore> store = {};   ///< null: a folder of segments
  std::unique_ptr<Repository> repository = {};  ///< null: a folder of segments
};

}  // namespace dr::inline v0
