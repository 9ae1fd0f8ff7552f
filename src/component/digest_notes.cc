#include "src/component/digest_notes.h"

#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "src/component/digest_marker.h"

namespace dr::inline v0 {

std::uint64_t DigestNotes::Until(std::uint64_t applied) const {
  const std::uint64_t every = runtime_.digest_every;
  return every == 0 ? std::numeric_limits<std::uint64_t>::max() : every - applied % every;
}

absl::Status DigestNotes::Write() {
  OperationLog& log = runtime_.log;
  while (!notes_.empty() && notes_.front()->entry.record.lsn <= log.staged()) notes_.Pop();
  try {
    const absl::StatusOr<std::optional<Digest>> digest = callbacks_.StateDigest();
    if (!digest.ok()) return digest.status();
    if (!*digest) return absl::OkStatus();
    const ComponentIdentity& identity = callbacks_.identity();
    auto note = std::make_unique<PendingOperation>();
    note->payload = EncodeDigestMarker({callbacks_.applied(), identity.schema.version, **digest});
    note->entry.record = {.kind = OperationKind::kMarker,
                          .component = identity.id,
                          .schema_name = identity.schema.name,
                          .schema_version = identity.schema.version,
                          .payload = note->payload};
    const Context at_once{.deadline = Instant::FromNanoseconds(0)};
    if (log.Append(note->entry, at_once).ok()) notes_.Push(std::move(note));
  } catch (const std::bad_alloc&) {
    return absl::OkStatus();
  }
  return absl::OkStatus();
}

}  // namespace dr::inline v0
