#include "dr/state_stream.h"

#include "dr/status.h"

namespace dr::inline v0 {

absl::Status StateWriter::Write(std::string_view record, std::string_view subject) {
  if (subject.empty()) return WriteRecord(record);
  return MakeFault({.kind = FaultKind::kUnsupported,
                    .place = std::string(subject),
                    .next = "write it without a subject"},
                   "a record of state cannot be sealed for its subject: there is no key store");
}

}  // namespace dr::inline v0
