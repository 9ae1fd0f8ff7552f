#include "src/repository/snapshot.h"

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

std::string ChunkTitle(const ComponentSnapshot& snapshot, std::size_t ordinal) {
  return fmt::format("{} {} {} {} {}", snapshot.component.size(), snapshot.component,
                     snapshot.schema.name, snapshot.schema.version, ordinal);
}

class Writer final : public SnapshotWriter {
 public:
  Writer(StateAdapter& store, Random& random, const Clock& clock, const RepositoryOptions& options,
         ComponentSnapshot snapshot, Epoch epoch, const Context& context)
      : store_(store),
        random_(random),
        clock_(clock),
        chunk_bytes_(options.chunk_bytes),
        ttl_(options.ttl),
        snapshot_(std::move(snapshot)),
        epoch_(epoch),
        context_(context) {}

  absl::Status WriteRecord(std::string_view record) override {
    if (failed_.ok()) failed_ = Append(record);
    return failed_;
  }

  absl::StatusOr<ComponentSnapshot> Finish() override {
    if (failed_.ok()) failed_ = EndChunk();
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
    while (record.size() > chunk_bytes_) {
      DR_RETURN_IF_ERROR(Add(record.substr(0, chunk_bytes_), kGoesOn));
      record.remove_prefix(chunk_bytes_);
    }
    return Add(record, !kGoesOn);
  }

  absl::Status Add(std::string_view piece, bool goes_on) {
    if (segment_ && segment_->size() + piece.size() > chunk_bytes_) DR_RETURN_IF_ERROR(EndChunk());
    if (!segment_) DR_RETURN_IF_ERROR(BeginChunk());
    return segment_->Add({.batch_continues = goes_on, .payload = piece});
  }

  absl::Status BeginChunk() {
    SegmentPrefix prefix{.kind = SegmentKind::kState,
                         .number = snapshot_.chunks.size() + 1,
                         .epoch = epoch_,
                         .first_lsn = {1},
                         .durable_lsn = {},
                         .created = clock_.WallTime()};
    DR_ASSIGN_OR_RETURN(prefix.salt, random_.Next());
    salt_ = prefix.salt;
    segment_.emplace(prefix);
    return segment_->Add({.component = snapshot_.component,
                          .payload = ChunkTitle(snapshot_, snapshot_.chunks.size())});
  }

  absl::Status EndChunk() {
    if (!segment_) return absl::OkStatus();
    const std::string bytes = std::move(*segment_).Finish();
    segment_.reset();
    // Random, so that no chunk is ever written over another that is still needed.
    ChunkRef chunk{fmt::format("{}{}/{:x}-{:016x}-{}", kChunkPrefix, snapshot_.component,
                               epoch_.value, salt_, snapshot_.chunks.size()),
                   bytes.size(), HashOf(bytes)};
    DR_RETURN_IF_ERROR(PutOnce(store_, chunk.key, bytes, ttl_, context_));
    snapshot_.chunks.push_back(std::move(chunk));
    return absl::OkStatus();
  }

  StateAdapter& store_;
  Random& random_;
  const Clock& clock_;
  const std::size_t chunk_bytes_;
  const std::optional<absl::Duration> ttl_;
  ComponentSnapshot snapshot_;
  const Epoch epoch_;
  const Context context_;
  std::optional<SegmentWriter> segment_;
  std::uint64_t salt_ = 0;
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
      if (next_chunk_ == snapshot_.chunks.size()) return std::nullopt;
      DR_RETURN_IF_ERROR(OpenChunk(snapshot_.chunks[next_chunk_]));
      ++next_chunk_;
    }
  }

  absl::Status OpenChunk(const ChunkRef& chunk) {
    absl::StatusOr<Item> item = store_.Get(chunk.key, context_);
    if (absl::IsNotFound(item.status())) {
      return MakeFault(
          {.kind = FaultKind::kIncomplete, .place = chunk.key, .next = "use another checkpoint"},
          fmt::format("a part of the snapshot of component '{}' is missing", snapshot_.component));
    }
    DR_RETURN_IF_ERROR(item.status());
    bytes_ = std::move(item->value);
    if (bytes_.size() != chunk.bytes || HashOf(bytes_) != chunk.hash) {
      return Damaged(chunk.key + " is not what was written");
    }
    DR_ASSIGN_OR_RETURN(segment_, SegmentReader::Open(bytes_, chunk.key));
    if (segment_->prefix().kind != SegmentKind::kState)
      return Damaged("a chunk is of another kind");
    DR_ASSIGN_OR_RETURN(std::optional<RecordView> title, segment_->Next());
    if (!title || title->payload != ChunkTitle(snapshot_, next_chunk_)) {
      return Damaged(chunk.key + " belongs to another snapshot or place");
    }
    return absl::OkStatus();
  }

  StateAdapter& store_;
  const ComponentSnapshot snapshot_;
  const Context context_;
  std::size_t next_chunk_ = 0;
  std::string bytes_, joined_;
  std::optional<SegmentReader> segment_;
  std::uint64_t records_ = 0;
  Digest digest_;
};

}  // namespace

Epoch EpochOfChunk(std::string_view key) {
  const std::string_view name = key.substr(key.rfind('/') + 1);
  Epoch epoch;
  const std::size_t dash = name.find('-');
  if (dash == name.rfind('-')) return {};  // salt and ordinal, as once
  const char* const end = name.data() + dash;
  auto [stop, error] = std::from_chars(name.data(), end, epoch.value, 16);
  return error == std::errc() && stop == end ? epoch : Epoch{};
}

std::unique_ptr<SnapshotWriter> NewSnapshotWriter(StateAdapter& store, Random& random,
                                                  const Clock& clock,
                                                  const RepositoryOptions& options,
                                                  ComponentSnapshot snapshot, Epoch epoch,
                                                  const Context& context) {
  return std::make_unique<Writer>(store, random, clock, options, std::move(snapshot), epoch,
                                  context);
}

std::unique_ptr<StateReader> NewSnapshotReader(StateAdapter& store, ComponentSnapshot snapshot,
                                               const Context& context) {
  return std::make_unique<Reader>(store, std::move(snapshot), context);
}

}  // namespace dr::inline v0
