#include "src/base/posix_process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>

#include "dr/status.h"

namespace dr::inline v0 {

absl::StatusOr<ProcessFacts> ReadProcessFacts() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return MakeIoFault("getrlimit", "", errno);
  return ProcessFacts{.user = geteuid(), .open_files_max = limit.rlim_cur};
}

}  // namespace dr::inline v0
