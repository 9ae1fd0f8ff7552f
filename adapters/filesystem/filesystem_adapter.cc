#include <utility>

#include "dr/adapter/directory_store.h"
#include "dr/adapters/filesystem.h"
#include "dr/status.h"
#include "src/base/status_macros.h"

namespace dr::inline v0 {
namespace {

absl::StatusOr<std::unique_ptr<StateAdapter>> Open(const Uri& uri,
                                                   const AdapterEnvironment& environment,
                                                   const Context& context) {
  DR_RETURN_IF_ERROR(uri.CheckParameters({}));
  if (!uri.host.empty() || uri.port || !uri.user.empty() || uri.password || uri.path.empty()) {
    return MakeFault({.kind = FaultKind::kInvalid,
                      .place = uri.Redacted(),
                      .next = "write file:///and/then/the/path"},
                     "a directory has a path and nothing else");
  }
  DR_RETURN_IF_ERROR(CheckContext(context, *environment.clock, "Open"));
  DR_ASSIGN_OR_RETURN(std::unique_ptr<Directory> root,
                      environment.files->OpenDirectory(uri.path, Create::kIfMissing));
  return DirectoryStore::Open(std::move(root), *environment.random, *environment.clock, context);
}

}  // namespace

absl::Status RegisterFilesystem(AdapterRegistry& registry) {
  return registry.Register("file", Open);
}

}  // namespace dr::inline v0
