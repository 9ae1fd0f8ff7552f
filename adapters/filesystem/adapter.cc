#include <memory>
#include <utility>

#include "dr/adapter/directory_store.h"
#include "dr/adapters/filesystem.h"
#include "dr/status.h"
#include "dr/status_macros.h"

namespace dr::inline v0 {
namespace {

absl::StatusOr<std::unique_ptr<StateAdapter>> Open(const Uri& uri,
                                                   const AdapterEnvironment& environment,
                                                   const Context& context) {
  DR_RETURN_IF_ERROR(uri.CheckParameters({}));
  DR_RETURN_IF_ERROR(uri.CheckLocal());
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
