#include "adapters/redis/store.h"

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "adapters/redis/error.h"
#include "adapters/redis/scripts.h"
#include "dr/adapter/adapter_calls.h"
#include "dr/adapter/stored_value.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0::redis {
namespace {

constexpr std::uint64_t kMaxValueBytes = 64ULL << 20;
constexpr std::size_t kMaxReplyBytes = kMaxValueBytes + (std::size_t{1} << 20);
constexpr std::size_t kMaxBatchBytes = 256ULL << 20;  // the server takes a request of 1 GiB at most
constexpr std::size_t kMaxBatchItems = 50'000;
constexpr std::size_t kMaxDeletions = 10'000;  // of one script, which nothing else interrupts
constexpr std::uint64_t kTrailerBytes = kStoredTrailerBytes;
constexpr std::size_t kReadsUnderWay = 64;  // the server keeps all their answers in memory at once
constexpr auto kMaxTtl = absl::Hours(24 * 365 * 100);

std::string Milliseconds(absl::Duration ttl) {
  const absl::Duration bounded = std::min(absl::Ceil(ttl, absl::Milliseconds(1)), kMaxTtl);
  return fmt::format("{}", absl::ToInt64Milliseconds(bounded));
}

absl::StatusOr<Item> ItemOf(std::string_view key, Reply reply) {
  if (reply.failed()) return ErrorOf(reply, key);
  if (reply.type == Reply::Type::kNothing) return NoValue(key);
  return DecodeStored(key, std::move(reply.text));
}

}  // namespace

RedisStore::RedisStore(Options options, std::unique_ptr<Tls> tls, std::uint64_t nonce,
                       Random& random, const Clock& clock)
    : random_(random),
      clock_(clock),
      values_(fmt::format("{{{}}}:v:", options.name_space)),
      index_(fmt::format("{{{}}}:keys", options.name_space)),
      counter_(fmt::format("{{{}}}:w:{:016x}", options.name_space, nonce)),
      master_(std::move(options), std::move(tls), counter_, kMaxReplyBytes, clock) {}

absl::StatusOr<std::unique_ptr<RedisStore>> RedisStore::Open(Options options, Random& random,
                                                             const Clock& clock,
                                                             const Context& context) {
  std::unique_ptr<Tls> tls;
  if (options.tls) {
    DR_ASSIGN_OR_RETURN(tls, Tls::Create(options.files));
  }
  DR_ASSIGN_OR_RETURN(const std::uint64_t nonce, random.Next());
  std::unique_ptr<RedisStore> store(
      new RedisStore(std::move(options), std::move(tls), nonce, random, clock));
  DR_ASSIGN_OR_RETURN(const ServerFacts facts, store->Facts(context));
  DR_RETURN_IF_ERROR(store->BeginCounting(context));
  store->Declare(facts);
  return store;
}

absl::StatusOr<ServerFacts> RedisStore::Facts(const Context& context) {
  DR_ASSIGN_OR_RETURN(const std::vector<Reply> replies,
                      master_.Ask(FactQuestions(), context).replies);
  return FactsOf(replies, master_.options().topology, master_.Place());
}

// From now on a server that has less than it acknowledged is noticed, by readers too.
absl::Status RedisStore::BeginCounting(const Context& context) {
  const Command command = {"SET", counter_, "0", "PX", kCounterTtlMs};
  const Master::Exchange exchange = master_.Ask({&command, 1}, context);
  DR_RETURN_IF_ERROR(exchange.replies.status());
  // Who may only read, or finds it full, begins with the first write.
  if ((*exchange.replies)[0].failed()) return absl::OkStatus();
  return master_.ledger().Acknowledge(0, Ledger::kNone, exchange.admitted);
}

void RedisStore::Declare(const ServerFacts& facts) {
  capabilities_ = {.if_absent = true,
                   .if_version = true,
                   .atomic_batch = true,
                   .ttl = true,
                   .durable = facts.durable(),
                   .fence_safe = facts.fence_safe(),
                   .max_value_bytes = kMaxValueBytes};
  std::vector<std::string>& weaknesses = capabilities_.weaknesses;
  weaknesses = facts.not_durable;
  weaknesses.insert(weaknesses.end(), facts.not_fence_safe.begin(), facts.not_fence_safe.end());
}

absl::Status RedisStore::Weakened(std::string_view why) const {
  return MakeFault({.kind = FaultKind::kPoisoned,
                    .place = master_.Place(),
                    .next = "put the setting back, or open the store again without the promise"},
                   fmt::format("the server promises less than when it was opened: {}", why));
}

absl::StatusOr<std::string> RedisStore::Stored(std::string_view key, std::string_view value) const {
  DR_ASSIGN_OR_RETURN(const std::uint64_t nonce, random_.Next());
  const StoredTrailer trailer = EncodeStoredTrailer(key, value, nonce);
  std::string stored;
  stored.reserve(value.size() + trailer.size());
  stored.append(value).append(trailer.data(), trailer.size());
  return stored;
}

// What the script answers, about `key`.
absl::Status RedisStore::Mutate(const Script& script, std::string_view key, const Command& keys,
                                const Command& arguments, const Context& context) {
  const std::int64_t before = master_.ledger().acknowledged();
  const Master::Exchange exchange = master_.Run(script, keys, arguments, context);
  if (!exchange.replies.ok()) {
    const absl::Status& why = exchange.replies.status();
    return exchange.sent ? MayHaveHappened(key, why) : why;
  }
  const Reply& reply = (*exchange.replies)[0];
  if (reply.failed()) return ErrorOf(reply, key);
  if (reply.text == "exists") return ValueExists(key);
  if (reply.text == "missing") return NoValue(key);
  if (reply.text == "changed") return ValueChanged(key);
  const absl::Status kept = master_.ledger().Acknowledge(reply.integer, before, exchange.admitted);
  return kept.ok() ? kept : MayHaveHappened(key, kept);
}

absl::StatusOr<Version> RedisStore::Put(std::string_view key, std::string_view value,
                                        const PutOptions& options, const Context& context) {
  DR_RETURN_IF_ERROR(CheckPut(capabilities_, key, value, options, context, clock_));
  DR_ASSIGN_OR_RETURN(const std::string stored, Stored(key, value));
  const std::string condition = options.condition == PutCondition::kIfAbsent ? "absent"
                                : options.condition == PutCondition::kIfVersion
                                    ? TrailerOf(options.version)
                                    : "";
  const std::string ttl = options.ttl ? Milliseconds(*options.ttl) : "";
  const std::string value_key = values_ + std::string(key);
  DR_RETURN_IF_ERROR(Mutate(PutScript(), key, {value_key, index_, counter_},
                            {key, stored, condition, ttl}, context));
  return StoredVersion(stored);
}

absl::StatusOr<Item> RedisStore::Get(std::string_view key, const Context& context) {
  return std::move(GetMany({&key, 1}, context)[0]);
}

void RedisStore::GetSome(std::span<const std::string_view> keys, const Context& context,
                         std::vector<absl::StatusOr<Item>>& items) {
  std::vector<std::string> value_keys;
  std::vector<absl::Status> checks;
  for (std::string_view key : keys) {
    value_keys.push_back(values_ + std::string(key));
    checks.push_back(CheckGet(capabilities_, key, context, clock_));
  }
  std::vector<Command> commands;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (checks[i].ok()) commands.push_back({"GET", value_keys[i]});
  }
  absl::StatusOr<std::vector<Reply>> replies = std::vector<Reply>();
  if (!commands.empty()) replies = Ask(commands, context);
  for (std::size_t i = 0, asked = 0; i < keys.size(); ++i) {
    if (!checks[i].ok()) {
      items.push_back(checks[i]);
    } else if (!replies.ok()) {
      items.push_back(replies.status());
    } else {
      items.push_back(ItemOf(keys[i], std::move((*replies)[asked++])));
    }
  }
}

std::vector<absl::StatusOr<Item>> RedisStore::GetMany(std::span<const std::string_view> keys,
                                                      const Context& context) {
  std::vector<absl::StatusOr<Item>> items;
  while (items.size() < keys.size()) {
    const auto some =
        keys.subspan(items.size(), std::min(kReadsUnderWay, keys.size() - items.size()));
    GetSome(some, context, items);
  }
  return items;
}

// Members of the index whose values have expired; harmless, so the next listing may try again.
void RedisStore::Forget(const std::vector<std::string_view>& members, const Context& context) {
  std::vector<std::string> value_keys;
  for (std::string_view member : members) value_keys.push_back(values_ + std::string(member));
  Command keys = {index_};
  keys.insert(keys.end(), value_keys.begin(), value_keys.end());
  static_cast<void>(master_.Run(ForgetScript(), keys, members, context));
}

// The members' values, how long they are: 0 for those that are gone.
absl::StatusOr<std::vector<Reply>> RedisStore::Lengths(const std::vector<Reply>& members,
                                                       const Context& context) {
  std::vector<std::string> value_keys;
  for (const Reply& member : members) value_keys.push_back(values_ + member.text);
  std::vector<Command> commands;
  for (const std::string& key : value_keys) commands.push_back({"STRLEN", key});
  if (commands.empty()) return std::vector<Reply>();
  return Ask(commands, context);
}

absl::StatusOr<Page> RedisStore::List(std::string_view prefix, std::string_view after,
                                      const Context& context) {
  DR_RETURN_IF_ERROR(CheckContext(context, clock_, "List"));
  const bool continued = !after.empty() && after >= prefix;
  std::string from = fmt::format("{}{}", continued ? '(' : '[', continued ? after : prefix);
  const std::string behind = EndOfPrefix(prefix);
  const std::string end = behind.empty() ? "+" : fmt::format("({}", behind);
  const std::string count = fmt::format("{}", kMaxPageEntries);
  Page page;
  do {
    const Command range = {"ZRANGEBYLEX", index_, from, end, "LIMIT", "0", count};
    DR_ASSIGN_OR_RETURN(const std::vector<Reply> replies, Ask({&range, 1}, context));
    if (replies[0].failed()) return ErrorOf(replies[0], index_);
    const std::vector<Reply>& members = replies[0].elements;
    DR_ASSIGN_OR_RETURN(const std::vector<Reply> lengths, Lengths(members, context));
    std::vector<std::string_view> gone;
    for (std::size_t i = 0; i < members.size(); ++i) {
      const auto bytes = static_cast<std::uint64_t>(lengths[i].integer);
      // What is of another type has no length, but Get has something to say about it.
      if (bytes == 0 && !lengths[i].failed()) {
        gone.push_back(members[i].text);
      } else {
        page.entries.push_back({members[i].text, bytes - std::min(bytes, kTrailerBytes)});
      }
    }
    if (!gone.empty()) Forget(gone, context);
    page.more = members.size() == kMaxPageEntries;
    if (page.more) from = "(" + members.back().text;
  } while (page.more && page.entries.empty());
  return page;
}

absl::Status RedisStore::Delete(std::string_view key, const DeleteOptions& options,
                                const Context& context) {
  DR_RETURN_IF_ERROR(CheckDelete(capabilities_, key, options, context, clock_));
  const std::string condition = options.if_version ? TrailerOf(*options.if_version) : "";
  const std::string value_key = values_ + std::string(key);
  return Mutate(DeleteScript(), key, {value_key, index_, counter_}, {key, condition}, context);
}

absl::Status RedisStore::PutMany(std::span<const KeyValue> items, const Context& context) {
  std::size_t bytes = 0;
  for (const KeyValue& item : items) {
    DR_RETURN_IF_ERROR(CheckPut(capabilities_, item.key, item.value, {}, context, clock_));
    bytes += item.key.size() + item.value.size();
  }
  if (items.empty()) return absl::OkStatus();
  if (items.size() > kMaxBatchItems || bytes > kMaxBatchBytes) {
    return MakeFault({.kind = FaultKind::kLimit,
                      .place = std::string(items[0].key),
                      .next = "put fewer at once"},
                     fmt::format("a batch of {} values and {} bytes; {} and {} are allowed",
                                 items.size(), bytes, kMaxBatchItems, kMaxBatchBytes));
  }
  std::vector<std::string> value_keys, stored;
  for (const KeyValue& item : items) {
    value_keys.push_back(values_ + std::string(item.key));
    DR_ASSIGN_OR_RETURN(stored.emplace_back(), Stored(item.key, item.value));
  }
  Command keys = {index_, counter_}, arguments;
  for (std::size_t i = 0; i < items.size(); ++i) {
    keys.push_back(value_keys[i]);
    arguments.insert(arguments.end(), {items[i].key, stored[i]});
  }
  return Mutate(PutManyScript(), items[0].key, keys, arguments, context);
}

absl::Status RedisStore::DeleteMany(std::span<const std::string> keys, const Context& context) {
  for (const std::string& key : keys) {
    DR_RETURN_IF_ERROR(CheckDelete(capabilities_, key, {}, context, clock_));
  }
  while (!keys.empty()) {
    const auto some = keys.first(std::min(keys.size(), kMaxDeletions));
    keys = keys.subspan(some.size());
    std::vector<std::string> value_keys;
    for (const std::string& key : some) value_keys.push_back(values_ + key);
    Command places = {index_, counter_};
    places.insert(places.end(), value_keys.begin(), value_keys.end());
    const Command members(some.begin(), some.end());
    DR_RETURN_IF_ERROR(Mutate(DeleteManyScript(), some.front(), places, members, context));
  }
  return absl::OkStatus();
}

absl::Status RedisStore::Check(const Context& context) {
  DR_RETURN_IF_ERROR(CheckContext(context, clock_, "Check"));
  master_.ConnectAnew();
  DR_ASSIGN_OR_RETURN(const ServerFacts facts, Facts(context));
  if (!facts.master) {
    return MakeFault(
        {.kind = FaultKind::kBusy, .place = master_.Place(), .next = "point the URI at the master"},
        "the server is a replica");
  }
  if (capabilities_.durable && !facts.durable()) return Weakened(facts.not_durable[0]);
  if (capabilities_.fence_safe && !facts.fence_safe()) return Weakened(facts.not_fence_safe[0]);
  return absl::OkStatus();
}

}  // namespace dr::inline v0::redis
