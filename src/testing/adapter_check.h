// What the adapter cases check with.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/state_adapter.h"
#include "dr/status.h"
#include "fmt/format.h"

namespace dr::inline v0 {

/// An error with `what` unless `holds`.
inline absl::Status Expect(bool holds, std::string_view what) {
  return holds ? absl::OkStatus() : absl::InternalError(AsAbsl(what));
}

/// An error unless `status` has `code`.
inline absl::Status ExpectCode(absl::StatusCode code, const absl::Status& status,
                               std::string_view call) {
  return Expect(status.code() == code,
                fmt::format("{} returned {}, expected {}", call, AsStd(status.ToString()),
                            absl::StatusCodeToString(code)));
}

/// An error unless the store has `value` under `key`.
absl::Status ExpectValue(StateAdapter& store, std::string_view key, std::string_view value);

/// Every key with `prefix`, page by page, as given by the store.
absl::StatusOr<std::vector<std::string>> ListKeys(StateAdapter& store, std::string_view prefix);

absl::Status RaceIfAbsent(StateAdapter& store, std::string_view prefix);
absl::Status RaceIfVersion(StateAdapter& store, std::string_view prefix);
absl::Status RaceReaders(StateAdapter& store, std::string_view prefix);

}  // namespace dr::inline v0
