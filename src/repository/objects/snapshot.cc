#include "src/repository/objects/snapshot.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/repository/put_once.h"

namespace dr::inline v0 {
namespace {

// The rest of a record is in the next record of the stream. Pieces reuse the flag of batches.
constexpr bool kGoesOn = true;

std::string ObjectTitle(const ComponentSnapshot& snapshot, std::size_t ordinal) {
  return fmt::format("{} {} {} {} {}", snapshot.component.size(), snapshot.component,
                     snapshot.schema.name, snapshot.schema.version, ordinal);
}

class Writer final : public SnapshotWriter {
 public:
  Writer(const ObjectTarget& target, ComponentSnapshot snapshot, const Context& context)
      : target_(target), snapshot_(std::move(snapshot)), context_(context) {}

  absl::Status WriteRecord(std::string_view record) override {
    if (failed_.ok()) failed_ = Append(record);
    return failed_;
  }

  absl::StatusOr<ComponentSnapshot> Finish() override {
    if (failed_.ok()) failed_ = EndObject();
    // A component that ignored an error may not end with a snapshot full of holes.
    DR_RETURN_IF_ERROR(failed_);
    failed_ = MakeFault(
        {.kind = FaultKind::kUsage, .place = snapshot_.component, .next = "write another snapshot"},
        "the snapshot has been finished");
    return snapshot_;
  }

 private:
  absl::Status Append(std::string_view record) {
    if (record.size() > kMaxPayloadBytes) {
      return MakeFault({.kind = FaultKind::kLimit,
                        .place = snapshot_.component,
                        .next = "write it as several records"},
                       fmt::format("a state record has {} bytes, {} are allowed", record.size(),
                                   kMaxPayloadBytes));
    }
    snapshot_.digest += DigestOf(record);
    snapshot_.bytes += record.size();
    ++snapshot_.records;
    const std::size_t longest = target_.options.object_bytes;
    while (record.size() > longest) {
      DR_RETURN_IF_ERROR(Add(record.substr(0, longest), kGoesOn));
      record.remove_prefix(longest);
    }
    return Add(record, !kGoesOn);
  }

  absl::Status Add(std::string_view piece, bool goes_on) {
    if (segment_ && segment_->size() + piece.size() > target_.options.object_bytes) {
      DR_RETURN_IF_ERROR(EndObject());
    }
    if (!segment_) DR_RETURN_IF_ERROR(BeginObject());
    return segment_->Add({.batch_continues = goes_on, .payload = piece});
  }

  absl::Status BeginObject() {
    SegmentPrefix prefix{.kind = SegmentKind::kState,
                         .number = snapshot_.objects.size() + 1,
                         .epoch = target_.epoch,
                         .first_lsn = {1},
                         .durable_lsn = {},
                         .created = target_.clock.WallTime()};
    DR_ASSIGN_OR_RETURN(prefix.salt, target_.random.Next());
    segment_.emplace(prefix);
    return segment_->Add({.component = snapshot_.component,
                          .payload = ObjectTitle(snapshot_, snapshot_.objects.size())});
  }

  absl::Status EndObject() {
    if (!segment_) return absl::OkStatus();
    const std::string bytes = std::move(*segment_).Finish();
    segment_.reset();
    ObjectRef object{fmt::format("{}{}/{:016x}-{}", kObjectPrefix, target_.epoch.value, target_.run,
                                 ++target_.ordinal),
                     bytes.size(), Sha256Of(bytes)};
    DR_RETURN_IF_ERROR(PutOnce(target_.store, object.name, bytes, target_.options.ttl, context_));
    snapshot_.objects.push_back(std::move(object));
    return absl::OkStatus();
  }

  const ObjectTarget target_;
  ComponentSnapshot snapshot_;
  const Context context_;
  std::optional<SegmentWriter> segment_;
  absl::Status failed_;
};

class Reader final : public StateReader {
 public:
  Reader(StateAdapter& store, ComponentSnapshot snapshot, const Context& context)
      : store_(store), snapshot_(std::move(snapshot)), context_(context) {}

  absl::StatusOr<std::optional<std::string_view>> Next() override {
    joined_.clear();
    for (;;) {
      DR_ASSIGN_OR_RETURN(std::optional<RecordView> piece, NextPiece());
      if (!piece) {
        if (!joined_.empty()) return Damaged("it ends in the middle of a record");
        if (records_ != snapshot_.records || digest_ != snapshot_.digest) {
          return Damaged("its records are not those that were written");
        }
        return std::nullopt;
      }
      std::string_view record = piece->payload;
      if (!joined_.empty() || piece->batch_continues) {
        joined_ += record;
        if (joined_.size() > kMaxPayloadBytes) return Damaged("a record is too long");
        record = joined_;
      }
      if (piece->batch_continues) continue;
      ++records_;
      digest_ += DigestOf(record);
      return std::optional<std::string_view>(record);
    }
  }

 private:
  absl::Status Damaged(std::string_view what) const {
    return MakeFault(
        {.kind = FaultKind::kAuthFailed,
         .place = snapshot_.component,
         .next = "use another checkpoint"},
        fmt::format("the snapshot of component '{}' is damaged: {}", snapshot_.component, what));
  }

  absl::StatusOr<std::optional<RecordView>> NextPiece() {
    for (;;) {
      if (segment_) {
        DR_ASSIGN_OR_RETURN(std::optional<RecordView> piece, segment_->Next());
        if (piece) return piece;
        segment_.reset();
      }
      if (next_ == snapshot_.objects.size()) return std::nullopt;
      DR_RETURN_IF_ERROR(OpenObject(snapshot_.objects[next_]));
      ++next_;
    }
  }

  absl::Status OpenObject(const ObjectRef& object) {
    absl::StatusOr<Item> item = store_.Get(object.name, context_);
    if (absl::IsNotFound(item.status())) {
      return MakeFault(
          {.kind = FaultKind::kIncomplete, .place = object.name, .next = "use another checkpoint"},
          fmt::format("a part of the snapshot of component '{}' is missing", snapshot_.component));
    }
    DR_RETURN_IF_ERROR(item.status());
    bytes_ = std::move(item->value);
    if (bytes_.size() != object.bytes || Sha256Of(bytes_) != object.hash) {
      return Damaged(object.name + " is not what was written");
    }
    DR_ASSIGN_OR_RETURN(segment_, SegmentReader::Open(bytes_, object.name));
    if (segment_->prefix().kind != SegmentKind::kState) {
      return Damaged(object.name + " is of another kind");
    }
    DR_ASSIGN_OR_RETURN(std::optional<RecordView> title, segment_->Next());
    if (!title || title->payload != ObjectTitle(snapshot_, next_)) {
      return Damaged(object.name + " belongs to another snapshot or place");
    }
    return absl::OkStatus();
  }

  StateAdapter& store_;
  const ComponentSnapshot snapshot_;
  const Context context_;
  std::size_t next_ = 0;  ///< of the objects
  std::string bytes_, joined_;
  std::optional<SegmentReader> segment_;
  std::uint64_t records_ = 0;
  Digest digest_;
};

}  // namespace

std::optional<Epoch> EpochOfObject(std::string_view name) {
  if (!name.starts_with(kObjectPrefix)) return std::nullopt;
  name.remove_prefix(kObjectPrefix.size());
  const char* const end = name.data() + std::min(name.find('/'), name.size());
  Epoch epoch;
  auto [stop, error] = std::from_chars(name.data(), end, epoch.value);
  if (error != std::errc() || stop != end || end == name.data() + name.size()) return std::nullopt;
  return epoch;
}

std::unique_ptr<SnapshotWriter> NewSnapshotWriter(const ObjectTarget& target,
                                                  ComponentSnapshot snapshot,
                                                  const Context& context) {
  return std::make_unique<Writer>(target, std::move(snapshot), context);
}

std::unique_ptr<StateReader> NewSnapshotReader(StateAdapter& store, ComponentSnapshot snapshot,
                                               const Context& context) {
  return std::make_unique<Reader>(store, std::move(snapshot), context);
}

}  // namespace dr::inline v0
