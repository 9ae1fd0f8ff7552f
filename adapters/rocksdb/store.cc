#include "adapters/rocksdb/store.h"

#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "adapters/rocksdb/error.h"
#include "dr/adapter/adapter_calls.h"
#include "dr/adapter/stored_value.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0 {
namespace {

constexpr std::uint64_t kMaxValueBytes = 64ULL << 20;
constexpr std::uint64_t kMaxBatchBytes = 1ULL << 30;  // RocksDB's own end is at 4 GiB
constexpr std::size_t kDeletionsMax = 100'000;        // of a batch
// After a write that failed RocksDB takes no more, and the write may be in its log.
constexpr std::uint64_t kFreeBytes = 16ULL << 20;

::rocksdb::Slice SliceOf(std::string_view s) { return {s.data(), s.size()}; }
std::string_view ViewOf(const ::rocksdb::Slice& s) { return {s.data(), s.size()}; }

absl::Status TooShort(std::string_view key) { return DecodeStored(key, {}).status(); }

absl::StatusOr<Item> ItemOf(std::string_view key, const ::rocksdb::Status& got,
                            const ::rocksdb::Slice& stored) {
  if (got.IsNotFound()) return NoValue(key);
  DR_RETURN_IF_ERROR(ErrorOf(got, key));
  const std::string_view bytes = ViewOf(stored);
  if (bytes.size() < kStoredTrailerBytes) return TooShort(key);
  const std::size_t value_bytes = bytes.size() - kStoredTrailerBytes;
  return DecodeStored(key, std::string(bytes.substr(0, value_bytes)), bytes.substr(value_bytes));
}

}  // namespace

RocksDbStore::RocksDbStore(std::shared_ptr<RocksDbDatabase> database,
                           ::rocksdb::ColumnFamilyHandle* family, const VolumeInfo& volume,
                           Random& random, const Clock& clock)
    : database_(std::move(database)),
      family_(family),
      random_(random),
      clock_(clock),
      capabilities_{.if_absent = !volume.is_network,
                    .if_version = !volume.is_network,
                    .atomic_batch = true,
                    .durable = volume.survives_power_loss,
                    .fence_safe = volume.survives_power_loss && !volume.is_network,
                    .max_value_bytes = kMaxValueBytes,
                    .weaknesses = WeaknessesOf(volume)} {}

absl::StatusOr<std::unique_ptr<RocksDbStore>> RocksDbStore::Open(
    std::shared_ptr<RocksDbDatabase> database, const std::string& name, Random& random,
    const Clock& clock, const Context& context) {
  DR_ASSIGN_OR_RETURN(VolumeInfo volume, database->directory().Volume());
  DR_ASSIGN_OR_RETURN(::rocksdb::ColumnFamilyHandle * family,
                      database->Namespace(name, context, clock));
  return std::unique_ptr<RocksDbStore>(
      new RocksDbStore(std::move(database), family, volume, random, clock));
}

absl::Status RocksDbStore::AwaitWritable(std::uint64_t bytes, const Context& context) {
  const std::uint64_t needed = kFreeBytes + 2 * bytes;
  std::error_code unknown;  // then RocksDB finds out
  const std::uint64_t free = std::filesystem::space(database_->path(), unknown).available;
  if (!unknown && free < needed) {
    return MakeFault({.kind = FaultKind::kNoSpace,
                      .place = database_->path(),
                      .next = "free space, then try again"},
                     fmt::format("{} bytes are free, a write of {} needs {}", free, bytes, needed));
  }
  return database_->health().AwaitWritable(context, clock_);
}

absl::StatusOr<std::optional<Version>> RocksDbStore::VersionNow(std::string_view key) {
  ::rocksdb::PinnableSlice stored;
  const ::rocksdb::Status got = database_->db().Get({}, family_, SliceOf(key), &stored);
  if (got.IsNotFound()) return std::nullopt;
  DR_RETURN_IF_ERROR(ErrorOf(got, key));
  if (stored.size() < kStoredTrailerBytes) return TooShort(key);
  return StoredVersion(ViewOf(stored));
}

absl::StatusOr<Version> RocksDbStore::Add(std::string_view key, std::string_view value,
                                          ::rocksdb::WriteBatch& batch) {
  DR_ASSIGN_OR_RETURN(std::uint64_t nonce, random_.Next());
  const StoredTrailer encoded = EncodeStoredTrailer(key, value, nonce);
  const std::string_view trailer(encoded.data(), encoded.size());
  const ::rocksdb::Slice key_part = SliceOf(key);
  const std::array<::rocksdb::Slice, 2> value_parts = {SliceOf(value), SliceOf(trailer)};
  DR_RETURN_IF_ERROR(ErrorOf(batch.Put(family_, {&key_part, 1}, {value_parts.data(), 2}), key));
  return StoredVersion(trailer);
}

absl::Status RocksDbStore::Write(std::string_view key, ::rocksdb::WriteBatch& batch, int slot) {
  ::rocksdb::WriteOptions options;
  options.sync = true;
  absl::Status written = ErrorOf(database_->db().Write(options, &batch), key);
  if (written.ok()) written = database_->Acknowledge(slot);
  // It may be in the log, and then the next open finds it.
  return written.ok() ? written : MayHaveHappened(key, written);
}

absl::StatusOr<Version> RocksDbStore::Put(std::string_view key, std::string_view value,
                                          const PutOptions& options, const Context& context) {
  DR_RETURN_IF_ERROR(CheckPut(capabilities_, key, value, options, context, clock_));
  ::rocksdb::WriteBatch batch;
  DR_ASSIGN_OR_RETURN(Version version, Add(key, value, batch));
  DR_RETURN_IF_ERROR(AwaitWritable(value.size(), context));
  DR_ASSIGN_OR_RETURN(const KeyLocks::Held held,
                      database_->locks().Take(KeyLocks::StripeOf(key), context, clock_));
  if (options.condition != PutCondition::kAlways) {
    DR_ASSIGN_OR_RETURN(std::optional<Version> now, VersionNow(key));
    if (options.condition == PutCondition::kIfAbsent) {
      if (now) return ValueExists(key);
    } else if (!now) {
      return NoValue(key);
    } else if (*now != options.version) {
      return ValueChanged(key);
    }
  }
  DR_RETURN_IF_ERROR(Write(key, batch, held.first));
  return version;
}

absl::StatusOr<Item> RocksDbStore::Get(std::string_view key, const Context& context) {
  DR_RETURN_IF_ERROR(CheckGet(capabilities_, key, context, clock_));
  ::rocksdb::PinnableSlice stored;
  const ::rocksdb::Status got = database_->db().Get({}, family_, SliceOf(key), &stored);
  return ItemOf(key, got, stored);
}

absl::StatusOr<Page> RocksDbStore::List(std::string_view prefix, std::string_view after,
                                        const Context& context) {
  DR_RETURN_IF_ERROR(CheckContext(context, clock_, "List"));
  ::rocksdb::ReadOptions options;
  options.total_order_seek = true;
  options.fill_cache = false;
  const std::unique_ptr<::rocksdb::Iterator> it(database_->db().NewIterator(options, family_));
  Page page;
  it->Seek(SliceOf(std::max(prefix, after)));
  for (; it->Valid() && it->key().starts_with(SliceOf(prefix)); it->Next()) {
    DR_RETURN_IF_ERROR(CheckContext(context, clock_, "List"));
    if (ViewOf(it->key()) == after) continue;
    if (page.entries.size() == kMaxPageEntries) {
      page.more = true;
      break;
    }
    std::string key = it->key().ToString();
    if (it->value().size() < kStoredTrailerBytes) return TooShort(key);
    page.entries.push_back({std::move(key), it->value().size() - kStoredTrailerBytes});
  }
  DR_RETURN_IF_ERROR(ErrorOf(it->status(), database_->path()));
  return page;
}

absl::Status RocksDbStore::Delete(std::string_view key, const DeleteOptions& options,
                                  const Context& context) {
  DR_RETURN_IF_ERROR(CheckDelete(capabilities_, key, options, context, clock_));
  DR_RETURN_IF_ERROR(database_->health().AwaitWritable(context, clock_));
  DR_ASSIGN_OR_RETURN(const KeyLocks::Held held,
                      database_->locks().Take(KeyLocks::StripeOf(key), context, clock_));
  if (options.if_version) {
    DR_ASSIGN_OR_RETURN(std::optional<Version> now, VersionNow(key));
    if (!now) return NoValue(key);
    if (*now != *options.if_version) return ValueChanged(key);
  }
  ::rocksdb::WriteBatch batch;
  DR_RETURN_IF_ERROR(ErrorOf(batch.Delete(family_, SliceOf(key)), key));
  return Write(key, batch, held.first);
}

absl::Status RocksDbStore::Check(const Context& context) {
  DR_RETURN_IF_ERROR(CheckContext(context, clock_, "Check"));
  return database_->health().Check();
}

std::vector<absl::StatusOr<Item>> RocksDbStore::GetMany(std::span<const std::string_view> keys,
                                                        const Context& context) {
  std::vector<absl::StatusOr<Item>> items(keys.size(), NoValue(""));
  std::vector<::rocksdb::Slice> wanted;
  std::vector<std::size_t> places;  // in `items`
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (absl::Status refused = CheckGet(capabilities_, keys[i], context, clock_); !refused.ok()) {
      items[i] = refused;
    } else {
      wanted.push_back(SliceOf(keys[i]));
      places.push_back(i);
    }
  }
  std::vector<::rocksdb::PinnableSlice> found(wanted.size());
  std::vector<::rocksdb::Status> got(wanted.size());
  database_->db().MultiGet({}, family_, wanted.size(), wanted.data(), found.data(), got.data());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    items[places[i]] = ItemOf(ViewOf(wanted[i]), got[i], found[i]);
    found[i].Reset();
  }
  return items;
}

absl::Status RocksDbStore::DeleteMany(std::span<const std::string> keys, const Context& context) {
  for (const std::string& key : keys) {
    DR_RETURN_IF_ERROR(CheckDelete(capabilities_, key, {}, context, clock_));
  }
  while (!keys.empty()) {
    const auto some = keys.first(std::min(keys.size(), kDeletionsMax));
    keys = keys.subspan(some.size());
    ::rocksdb::WriteBatch batch;
    std::uint64_t stripes = 0;
    for (const std::string& key : some) {
      DR_RETURN_IF_ERROR(ErrorOf(batch.Delete(family_, key), key));
      stripes |= KeyLocks::StripeOf(key);
    }
    DR_RETURN_IF_ERROR(database_->health().AwaitWritable(context, clock_));
    DR_ASSIGN_OR_RETURN(const KeyLocks::Held held,
                        database_->locks().Take(stripes, context, clock_));
    DR_RETURN_IF_ERROR(Write(some.front(), batch, held.first));
  }
  return absl::OkStatus();
}

absl::Status RocksDbStore::PutMany(std::span<const KeyValue> items, const Context& context) {
  std::uint64_t bytes = 0, stripes = 0;
  for (const KeyValue& item : items) {
    DR_RETURN_IF_ERROR(CheckPut(capabilities_, item.key, item.value, {}, context, clock_));
    bytes += item.value.size();
    stripes |= KeyLocks::StripeOf(item.key);
  }
  if (items.empty()) return absl::OkStatus();
  if (bytes > kMaxBatchBytes) {
    return MakeFault({.kind = FaultKind::kLimit,
                      .place = std::string(items.front().key),
                      .next = "put fewer at a time"},
                     fmt::format("a batch has {} bytes, {} are allowed", bytes, kMaxBatchBytes));
  }
  ::rocksdb::WriteBatch batch;
  for (const KeyValue& item : items) {
    DR_RETURN_IF_ERROR(Add(item.key, item.value, batch).status());
  }
  DR_RETURN_IF_ERROR(AwaitWritable(bytes, context));
  DR_ASSIGN_OR_RETURN(const KeyLocks::Held held, database_->locks().Take(stripes, context, clock_));
  return Write(items.front().key, batch, held.first);
}

}  // namespace dr::inline v0
