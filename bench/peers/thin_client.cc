#include "bench/peers/thin_client.h"

#include <cstdlib>

#include "dr/status_macros.h"
#include "fmt/format.h"

namespace bench {

absl::Status ThinClient::PutMany(std::span<const dr::KeyValue> items) {
  for (const dr::KeyValue& item : items) DR_RETURN_IF_ERROR(Put(item.key, item.value));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ThinClient::GetMany(
    std::span<const std::string_view> keys) {
  std::vector<std::string> values;
  for (std::string_view key : keys) {
    DR_ASSIGN_OR_RETURN(values.emplace_back(), Get(key));
  }
  return values;
}

absl::StatusOr<std::string> ServerVariable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value != nullptr) return value;
  return absl::FailedPreconditionError(fmt::format(
      "{} is not set: use scripts/bench, or scripts/servers start and source build/servers/env",
      name));
}

}  // namespace bench
