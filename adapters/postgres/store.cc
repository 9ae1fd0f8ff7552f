#include "adapters/postgres/store.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "adapters/postgres/schema.h"
#include "dr/adapter/adapter_calls.h"
#include "dr/adapter/stored_value.h"
#include "dr/status.h"
#include "dr/status_macros.h"

namespace dr::inline v0::postgres {
namespace {

constexpr int kAttempts = 10;  // of what another transaction made fail
constexpr std::chrono::milliseconds kPause(20);
constexpr int kPageEntries = static_cast<int>(kMaxPageEntries);  // as libpq counts
constexpr std::size_t kBatchBytes = 16 << 20;  // of one statement; more become a transaction
constexpr std::size_t kDeletionsMax = 10'000;  // of one statement
constexpr absl::Duration kNever = absl::Hours(24 * 365 * 100);

// What a version says of a value: its nonce, and a hash of it and its key.
absl::StatusOr<Version> VersionOf(std::string_view key, std::string_view value, Random& random) {
  DR_ASSIGN_OR_RETURN(std::uint64_t nonce, random.Next());
  const StoredTrailer trailer = EncodeStoredTrailer(key, value, nonce);
  return StoredVersion({trailer.data(), trailer.size()});
}

absl::StatusOr<Item> Verified(std::string_view key, std::string_view version,
                              std::string_view value) {
  std::uint64_t nonce = 0;
  std::from_chars(version.data(), version.data() + std::min<std::size_t>(16, version.size()), nonce,
                  16);
  const StoredTrailer trailer = EncodeStoredTrailer(key, value, nonce);
  if (StoredVersion({trailer.data(), trailer.size()}).value != version) {
    return MakeFault({.kind = FaultKind::kAuthFailed,
                      .place = std::string(key),
                      .next = "restore the value from a copy"},
                     "the stored value is not what was put under this key");
  }
  return Item{std::string(value), {std::string(version)}};
}

// As text that the server takes; a version that no Put made stays one.
std::string_view AsText(const Version& version) {
  const bool is_one = version.value.size() == 32 &&
                      version.value.find_first_not_of("0123456789abcdef") == std::string::npos;
  return is_one ? std::string_view(version.value) : "";
}

// What a statement by version answered.
absl::Status Verdict(std::string_view key, const Rows& rows) {
  if (rows.At(0, 0) == "true") return absl::OkStatus();
  return rows.At(0, 1) == "true" ? ValueChanged(key) : NoValue(key);
}

}  // namespace

struct PostgresStore::Batch {
  std::vector<std::string_view> keys, versions, values;
};

PostgresStore::PostgresStore(Options options, Random& random, const Clock& clock)
    : server_(std::move(options.server)),
      space_(std::move(options.name_space)),
      clock_(clock),
      random_(random),
      resolver_(clock),
      pool_(options.connections, clock, [this](const Context& context) {
        return Connection::Dial(server_, resolver_, context);
      }) {}

absl::StatusOr<ConnectionPool<Connection>::Lease> PostgresStore::Take(const Context& context) {
  for (;;) {
    DR_ASSIGN_OR_RETURN(ConnectionPool<Connection>::Lease connection, pool_.Take(context));
    if (connection->IsAlive()) return connection;
    connection.Discard();
  }
}

absl::StatusOr<std::unique_ptr<PostgresStore>> PostgresStore::Open(Options options, Random& random,
                                                                   const Clock& clock,
                                                                   const Context& context) {
  const std::string schema = options.schema;
  std::unique_ptr<PostgresStore> store(new PostgresStore(std::move(options), random, clock));
  DR_RETURN_IF_ERROR(store->Prepare(schema, context));
  return store;
}

absl::Status PostgresStore::Prepare(const std::string& schema, const Context& context) {
  DR_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection,
                      Connection::Dial(server_, resolver_, context));
  DR_ASSIGN_OR_RETURN(table_, PrepareSchema(*connection, schema, context));
  DR_ASSIGN_OR_RETURN(capabilities_, ReadCapabilities(*connection, table_, context));
  statements_ = StatementsFor(table_);
  return absl::OkStatus();
}

absl::StatusOr<Rows> PostgresStore::Ask(const std::string& statement, const Arguments& arguments,
                                        const Context& context) {
  DR_ASSIGN_OR_RETURN(auto connection, Take(context));
  absl::StatusOr<Rows> rows = connection->Ask(statement, arguments, context);
  if (!rows.ok()) connection.Discard();
  return rows;
}

template <typename Work>
PostgresStore::Outcome PostgresStore::Change(const Context& context, const Work& work) {
  for (int attempt = 1;; ++attempt) {
    auto connection = Take(context);
    if (!connection.ok()) return {connection.status(), false};
    absl::StatusOr<Rows> rows = work(**connection);
    if (rows.ok()) return {std::move(rows), false};
    const bool lost = (*connection)->lost();
    const bool again = (*connection)->sqlstate() == "40001" || (*connection)->sqlstate() == "40P01";
    connection->Discard();  // perhaps inside a transaction, or on a server that only reads
    if (lost || !again || attempt == kAttempts) return {std::move(rows), lost};
    clock_.SleepUntil(clock_.Now() + kPause, context.stop);
  }
}

bool PostgresStore::Happened(std::span<const std::string_view> keys,
                             std::span<const std::string_view> versions, const Context& context) {
  const std::string key_array = EncodeArray(ArrayOf::kBytes, keys);
  const std::string version_array = EncodeArray(ArrayOf::kText, versions);
  const Context bounded{std::min(context.deadline, clock_.Now() + server_.patience), context.stop};
  for (;;) {
    const absl::StatusOr<Rows> found =
        Ask(statements_.count_versions, {{space_}, {key_array}, {version_array}}, bounded);
    if (found.ok()) return found->At(0, 0) != "0";
    if (!absl::IsUnavailable(found.status())) return false;
    clock_.SleepUntil(clock_.Now() + kPause, context.stop);  // it may be starting again
  }
}

absl::StatusOr<Version> PostgresStore::Put(std::string_view key, std::string_view value,
                                           const PutOptions& options, const Context& context) {
  DR_RETURN_IF_ERROR(CheckPut(capabilities_, key, value, options, context, clock_));
  DR_ASSIGN_OR_RETURN(Version version, VersionOf(key, value, random_));
  const bool expires = options.ttl && *options.ttl < kNever;
  const std::string ttl =
      expires ? EncodeInt64(std::max<std::int64_t>(1, absl::ToInt64Microseconds(*options.ttl)))
              : "";
  Arguments arguments = {{space_}, {key}, {version.value}, {value}, {ttl, !expires}};
  const Statements::Puts& puts = expires ? statements_.expiring : statements_.keeping;
  const std::string* statement = &puts.always;
  if (options.condition == PutCondition::kIfAbsent) statement = &puts.if_absent;
  if (options.condition == PutCondition::kIfVersion) {
    statement = &puts.if_version;
    arguments.push_back({AsText(options.version)});
  }
  const auto [rows, lost] = Change(context, [&](Connection& connection) {
    return connection.Ask(*statement, arguments, context);
  });
  if (lost) {
    const std::string_view keys[] = {key}, versions[] = {version.value};
    if (Happened(keys, versions, context)) return version;
    return MayHaveHappened(key, rows.status());
  }
  DR_RETURN_IF_ERROR(rows.status());
  if (options.condition == PutCondition::kIfVersion) {
    DR_RETURN_IF_ERROR(Verdict(key, *rows));
  } else if (rows->affected() == 0) {
    return ValueExists(key);
  }
  return version;
}

absl::StatusOr<Item> PostgresStore::Get(std::string_view key, const Context& context) {
  DR_RETURN_IF_ERROR(CheckGet(capabilities_, key, context, clock_));
  DR_ASSIGN_OR_RETURN(Rows rows, Ask(statements_.get, {{space_}, {key}}, context));
  if (rows.size() == 0) return NoValue(key);
  return Verified(key, rows.At(0, 0), rows.At(0, 1));
}

absl::StatusOr<Page> PostgresStore::List(std::string_view prefix, std::string_view after,
                                         const Context& context) {
  DR_RETURN_IF_ERROR(CheckContext(context, clock_, "List"));
  std::string end = EndOfPrefix(prefix);
  if (end.empty()) end.assign(kMaxKeyBytes + 1, '\xff');
  const std::string limit = EncodeInt64(kPageEntries + 1);
  DR_ASSIGN_OR_RETURN(
      Rows rows, Ask(statements_.list, {{space_}, {prefix}, {after}, {end}, {limit}}, context));
  Page page;
  page.more = rows.size() > kPageEntries;
  for (int i = 0; i < std::min(rows.size(), kPageEntries); ++i) {
    const std::string_view length = rows.At(i, 1);
    ListEntry& entry = page.entries.emplace_back(ListEntry{.key = std::string(rows.At(i, 0))});
    std::from_chars(length.data(), length.data() + length.size(), entry.bytes);
  }
  return page;
}

absl::Status PostgresStore::Delete(std::string_view key, const DeleteOptions& options,
                                   const Context& context) {
  DR_RETURN_IF_ERROR(CheckDelete(capabilities_, key, options, context, clock_));
  Arguments arguments = {{space_}, {key}};
  if (options.if_version) arguments.push_back({AsText(*options.if_version)});
  const std::string& statement =
      options.if_version ? statements_.remove_version : statements_.remove;
  const auto [rows, lost] = Change(context, [&](Connection& connection) {
    return connection.Ask(statement, arguments, context);
  });
  if (lost) return MayHaveHappened(key, rows.status());
  DR_RETURN_IF_ERROR(rows.status());
  return options.if_version ? Verdict(key, *rows) : absl::OkStatus();
}

absl::Status PostgresStore::DeleteMany(std::span<const std::string> keys, const Context& context) {
  for (const std::string& key : keys) {
    DR_RETURN_IF_ERROR(CheckDelete(capabilities_, key, {}, context, clock_));
  }
  while (!keys.empty()) {
    const auto some = keys.first(std::min(keys.size(), kDeletionsMax));
    keys = keys.subspan(some.size());
    const std::string array =
        EncodeArray(ArrayOf::kBytes, std::vector<std::string_view>(some.begin(), some.end()));
    const Arguments arguments = {{space_}, {array}};
    const auto [rows, lost] = Change(context, [&](Connection& connection) {
      return connection.Ask(statements_.remove_many, arguments, context);
    });
    if (lost) return MayHaveHappened(some.front(), rows.status());
    DR_RETURN_IF_ERROR(rows.status());
  }
  return absl::OkStatus();
}

absl::Status PostgresStore::Check(const Context& context) {
  DR_RETURN_IF_ERROR(CheckContext(context, clock_, "Check"));
  DR_ASSIGN_OR_RETURN(auto connection, Take(context));
  const absl::StatusOr<Capabilities> now = ReadCapabilities(*connection, table_, context);
  if (!now.ok()) connection.Discard();
  DR_RETURN_IF_ERROR(now.status());
  if (now->durable >= capabilities_.durable && now->fence_safe >= capabilities_.fence_safe) {
    return absl::OkStatus();
  }
  return MakeFault({.kind = FaultKind::kUsage,
                    .place = server_.place,
                    .next = "restore the server's settings, or open the store anew"},
                   "the server no longer keeps what it did when the store was opened");
}

std::vector<absl::StatusOr<Item>> PostgresStore::GetMany(std::span<const std::string_view> keys,
                                                         const Context& context) {
  std::vector<absl::StatusOr<Item>> items;
  std::vector<std::string_view> wanted;
  for (std::string_view key : keys) {
    const absl::Status valid = CheckGet(capabilities_, key, context, clock_);
    items.emplace_back(valid.ok() ? NoValue(key) : valid);
    if (valid.ok()) wanted.push_back(key);
  }
  if (wanted.empty()) return items;
  const absl::StatusOr<Rows> rows =
      Ask(statements_.get_many, {{space_}, {EncodeArray(ArrayOf::kBytes, wanted)}}, context);
  std::map<std::string_view, int> found;
  for (int row = 0; rows.ok() && row < rows->size(); ++row) found[rows->At(row, 0)] = row;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!absl::IsNotFound(items[i].status())) continue;
    if (!rows.ok()) items[i] = rows.status();
    const auto at = found.find(keys[i]);
    if (at == found.end()) continue;
    items[i] = Verified(keys[i], rows->At(at->second, 1), rows->At(at->second, 2));
  }
  return items;
}

absl::StatusOr<Rows> PostgresStore::PutBatches(Connection& connection,
                                               std::span<const Batch> batches,
                                               const Context& context) const {
  const auto put = [&](const Batch& batch) {
    const std::string keys = EncodeArray(ArrayOf::kBytes, batch.keys);
    const std::string versions = EncodeArray(ArrayOf::kText, batch.versions);
    const std::string values = EncodeArray(ArrayOf::kBytes, batch.values);
    return connection.Ask(statements_.put_many, Arguments{{space_}, {keys}, {versions}, {values}},
                          context);
  };
  if (batches.size() == 1) return put(batches.front());
  DR_RETURN_IF_ERROR(connection.Begin(context));
  for (const Batch& batch : batches) DR_RETURN_IF_ERROR(put(batch).status());
  return connection.Commit(context);
}

absl::Status PostgresStore::PutMany(std::span<const KeyValue> items, const Context& context) {
  // The last value of each key, in the order of keys, so that two batches do not wait for each
  // other.
  std::map<std::string_view, std::string_view> last;
  for (const KeyValue& item : items) {
    DR_RETURN_IF_ERROR(CheckPut(capabilities_, item.key, item.value, {}, context, clock_));
    last[item.key] = item.value;
  }
  if (last.empty()) return CheckContext(context, clock_, "PutMany");
  std::vector<std::string_view> keys, versions;
  std::vector<std::string> versions_kept;
  versions_kept.reserve(last.size());
  std::vector<Batch> batches;
  std::size_t room = 0;
  for (const auto& [key, value] : last) {
    DR_ASSIGN_OR_RETURN(Version version, VersionOf(key, value, random_));
    versions_kept.push_back(std::move(version.value));
    if (room < key.size() + value.size() || batches.empty()) {
      batches.emplace_back();
      room = kBatchBytes;
    }
    room -= std::min(room, key.size() + value.size());
    for (auto* list : {&keys, &batches.back().keys}) list->push_back(key);
    for (auto* list : {&versions, &batches.back().versions}) list->push_back(versions_kept.back());
    batches.back().values.push_back(value);
  }
  const auto [rows, lost] = Change(
      context, [&](Connection& connection) { return PutBatches(connection, batches, context); });
  if (!lost) return rows.status();
  if (Happened(keys, versions, context)) return absl::OkStatus();
  return MayHaveHappened(keys.front(), rows.status());
}

}  // namespace dr::inline v0::postgres
