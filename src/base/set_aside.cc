#include "src/base/set_aside.h"

#include <string>

#include "fmt/format.h"

namespace dr::inline v0 {

absl::Status SetAsideUnlessFile(Directory& directory, std::string_view name) {
  const absl::Status found = directory.Info(name).status();
  if (!absl::IsInvalidArgument(found)) return absl::OkStatus();
  for (int number = 1;; ++number) {
    const std::string aside = fmt::format("{}.aside-{}", name, number);
    if (absl::IsNotFound(directory.Info(aside).status())) return directory.Rename(name, aside);
  }
}

}  // namespace dr::inline v0
