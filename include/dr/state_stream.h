// State as a stream of records: what a component writes into a snapshot and reads back.
#pragma once

#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/export.h"

namespace dr::inline v0 {

/// Takes the records of a component's state, in order. Used by one thread at a time.
class DR_EXPORT StateWriter {
 public:
  virtual ~StateWriter() = default;
  /// Copies one record of up to kMaxPayloadBytes, which is about `subject`. After an error the
  /// snapshot is given up. kUnimplemented with a subject: there is no store for subjects' keys yet.
  absl::Status Write(std::string_view record, std::string_view subject = {});

 private:
  virtual absl::Status WriteRecord(std::string_view record) = 0;
};

/// Gives back the records that a StateWriter took, in the same order. Used by one thread at a time.
class DR_EXPORT StateReader {
 public:
  virtual ~StateReader() = default;
  /// The next record as it was written, valid until the next call; nullopt at the end, which is
  /// reported only after everything has been checked.
  virtual absl::StatusOr<std::optional<std::string_view>> Next() = 0;
};

/// No records: the state of a new instance.
class DR_EXPORT NoRecords final : public StateReader {
 public:
  absl::StatusOr<std::optional<std::string_view>> Next() override { return std::nullopt; }
};

}  // namespace dr::inline v0
