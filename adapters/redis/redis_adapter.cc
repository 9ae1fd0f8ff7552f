#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "adapters/redis/master.h"
#include "adapters/redis/scripts.h"
#include "adapters/redis/server_facts.h"
#include "adapters/redis/settings.h"
#include "dr/adapter/adapter_calls.h"
#include "dr/adapter/stored_value.h"
#include "dr/adapters/redis.h"
#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/out_of_memory.h"
#include "src/base/status_macros.h"

namespace dr::inline v0 {
namespace redis {
namespace {

constexpr std::uint64_t kMaxValueBytes = 64ULL << 20;
constexpr std::size_t kMaxReplyBytes = kMaxValueBytes + (std::size_t{1} << 20);
constexpr std::size_t kMaxBatchBytes = 256ULL << 20;  // the server takes a request of 1 GiB at most
constexpr std::size_t kMaxBatchItems = 50'000;
constexpr std::uint64_t kHeaderBytes = kStoredHeaderBytes;
constexpr std::size_t kReadsUnderWay = 64;  // the server keeps all their answers in memory at once
constexpr auto kMaxTtl = absl::Hours(24 * 365 * 100);

class RedisStore final : public StateAdapter {
 public:
  RedisStore(Settings settings, std::unique_ptr<Tls> tls, std::uint64_t nonce,
             const AdapterEnvironment& environment)
      : environment_(environment),
        values_(fmt::format("{{{}}}:v:", settings.name_space)),
        index_(fmt::format("{{{}}}:keys", settings.name_space)),
        counter_(fmt::format("{{{}}}:w:{:016x}", settings.name_space, nonce)),
        master_(std::move(settings), std::move(tls), counter_, kMaxReplyBytes, clock()) {}

  absl::StatusOr<ServerFacts> Facts(const Context& context) {
    DR_ASSIGN_OR_RETURN(const std::vector<Reply> replies,
                        master_.Ask(FactQuestions(), context).replies);
    return FactsOf(replies, master_.settings().topology, master_.Place());
  }
  /// From now on a server that has less than it acknowledged is noticed, by readers too.
  absl::Status BeginCounting(const Context& context) {
    const Command command = {"SET", counter_, "0", "PX", kCounterTtlMs};
    const Master::Exchange exchange = master_.Ask({&command, 1}, context);
    DR_RETURN_IF_ERROR(exchange.replies.status());
    // Who may only read, or finds it full, begins with the first write.
    if ((*exchange.replies)[0].failed()) return absl::OkStatus();
    return master_.ledger().Acknowledge(0, Ledger::kNone, exchange.admitted);
  }
  void Declare(const ServerFacts& facts) {
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

  const Capabilities& capabilities() const override { return capabilities_; }

  absl::StatusOr<Version> Put(std::string_view key, std::string_view value,
                              const PutOptions& options, const Context& context) override {
    DR_RETURN_IF_ERROR(CheckPut(capabilities_, key, value, options, context, clock()));
    DR_ASSIGN_OR_RETURN(const std::string stored, Stored(key, value));
    const std::string condition = options.condition == PutCondition::kIfAbsent ? "absent"
                                  : options.condition == PutCondition::kIfVersion
                                      ? HeaderOf(options.version)
                                      : "";
    const std::string ttl = options.ttl ? Milliseconds(*options.ttl) : "";
    const std::string value_key = values_ + std::string(key);
    DR_RETURN_IF_ERROR(Mutate(PutScript(), key, {value_key, index_, counter_},
                              {key, stored, condition, ttl}, context));
    return StoredVersion(stored);
  }

  absl::StatusOr<Item> Get(std::string_view key, const Context& context) override {
    return std::move(GetMany({&key, 1}, context)[0]);
  }

  std::vector<absl::StatusOr<Item>> GetMany(std::span<const std::string_view> keys,
                                            const Context& context) override {
    std::vector<absl::StatusOr<Item>> items;
    while (items.size() < keys.size()) {
      const auto some =
          keys.subspan(items.size(), std::min(kReadsUnderWay, keys.size() - items.size()));
      GetSome(some, context, items);
    }
    return items;
  }

  absl::StatusOr<Page> List(std::string_view prefix, std::string_view after,
                            const Context& context) override;

  absl::Status Delete(std::string_view key, const DeleteOptions& options,
                      const Context& context) override {
    DR_RETURN_IF_ERROR(CheckDelete(capabilities_, key, options, context, clock()));
    const std::string condition = options.if_version ? HeaderOf(*options.if_version) : "";
    const std::string value_key = values_ + std::string(key);
    return Mutate(DeleteScript(), key, {value_key, index_, counter_}, {key, condition}, context);
  }

  absl::Status PutMany(std::span<const KeyValue> items, const Context& context) override;

  absl::Status Check(const Context& context) override {
    DR_RETURN_IF_ERROR(CheckContext(context, clock(), "Check"));
    master_.ConnectAnew();
    DR_ASSIGN_OR_RETURN(const ServerFacts facts, Facts(context));
    if (!facts.master) {
      return MakeFault({.kind = FaultKind::kBusy,
                        .place = master_.Place(),
                        .next = "point the URI at the master"},
                       "the server is a replica");
    }
    if (capabilities_.durable && !facts.durable()) return Weakened(facts.not_durable[0]);
    if (capabilities_.fence_safe && !facts.fence_safe()) return Weakened(facts.not_fence_safe[0]);
    return absl::OkStatus();
  }

 private:
  const Clock& clock() const { return *environment_.clock; }

  absl::Status Weakened(std::string_view why) const {
    return MakeFault({.kind = FaultKind::kPoisoned,
                      .place = master_.Place(),
                      .next = "put the setting back, or open the store again without the promise"},
                     fmt::format("the server promises less than when it was opened: {}", why));
  }

  static std::string Milliseconds(absl::Duration ttl) {
    const absl::Duration bounded = std::min(absl::Ceil(ttl, absl::Milliseconds(1)), kMaxTtl);
    return fmt::format("{}", absl::ToInt64Milliseconds(bounded));
  }

  absl::StatusOr<std::string> Stored(std::string_view key, std::string_view value) const {
    DR_ASSIGN_OR_RETURN(const std::uint64_t nonce, environment_.random->Next());
    const StoredHeader header = EncodeStoredHeader(key, value, nonce);
    std::string stored;
    stored.reserve(header.size() + value.size());
    stored.append(header.data(), header.size()).append(value);
    return stored;
  }

  absl::StatusOr<std::vector<Reply>> Ask(std::span<const Command> commands,
                                         const Context& context) {
    return master_.Ask(commands, context).replies;
  }

  // What the script answers, about `key`.
  absl::Status Mutate(const Script& script, std::string_view key, const Command& keys,
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
    const absl::Status kept =
        master_.ledger().Acknowledge(reply.integer, before, exchange.admitted);
    return kept.ok() ? kept : MayHaveHappened(key, kept);
  }

  static absl::StatusOr<Item> ItemOf(std::string_view key, Reply reply) {
    if (reply.failed()) return ErrorOf(reply, key);
    if (reply.type == Reply::Type::kNothing) return NoValue(key);
    return DecodeStored(key, std::move(reply.text));
  }

  void GetSome(std::span<const std::string_view> keys, const Context& context,
               std::vector<absl::StatusOr<Item>>& items) {
    std::vector<std::string> value_keys;
    std::vector<absl::Status> checks;
    for (std::string_view key : keys) {
      value_keys.push_back(values_ + std::string(key));
      checks.push_back(CheckGet(capabilities_, key, context, clock()));
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

  // Members of the index whose values have expired; harmless, so the next listing may try again.
  void Forget(const std::vector<std::string_view>& members, const Context& context) {
    std::vector<std::string> value_keys;
    for (std::string_view member : members) value_keys.push_back(values_ + std::string(member));
    Command keys = {index_};
    keys.insert(keys.end(), value_keys.begin(), value_keys.end());
    static_cast<void>(master_.Run(ForgetScript(), keys, members, context));
  }
  // The members' values, how long they are: 0 for those that are gone.
  absl::StatusOr<std::vector<Reply>> Lengths(const std::vector<Reply>& members,
                                             const Context& context) {
    std::vector<std::string> value_keys;
    for (const Reply& member : members) value_keys.push_back(values_ + member.text);
    std::vector<Command> commands;
    for (const std::string& key : value_keys) commands.push_back({"STRLEN", key});
    if (commands.empty()) return std::vector<Reply>();
    return Ask(commands, context);
  }

  const AdapterEnvironment environment_;
  const std::string values_, index_, counter_;
  Capabilities capabilities_ = {};
  Master master_;
};

absl::StatusOr<Page> RedisStore::List(std::string_view prefix, std::string_view after,
                                      const Context& context) {
  DR_RETURN_IF_ERROR(CheckContext(context, clock(), "List"));
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
        page.entries.push_back({members[i].text, bytes - std::min(bytes, kHeaderBytes)});
      }
    }
    if (!gone.empty()) Forget(gone, context);
    page.more = members.size() == kMaxPageEntries;
    if (page.more) from = "(" + members.back().text;
  } while (page.more && page.entries.empty());
  return page;
}

absl::Status RedisStore::PutMany(std::span<const KeyValue> items, const Context& context) {
  std::size_t bytes = 0;
  for (const KeyValue& item : items) {
    DR_RETURN_IF_ERROR(CheckPut(capabilities_, item.key, item.value, {}, context, clock()));
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

absl::StatusOr<std::unique_ptr<RedisStore>> MakeStore(const Uri& uri,
                                                      const AdapterEnvironment& environment) {
  DR_ASSIGN_OR_RETURN(Settings settings, ReadSettings(uri));
  std::unique_ptr<Tls> tls;
  if (settings.tls) {
    DR_ASSIGN_OR_RETURN(tls, Tls::Create(settings.files));
  }
  DR_ASSIGN_OR_RETURN(const std::uint64_t nonce, environment.random->Next());
  return std::make_unique<RedisStore>(std::move(settings), std::move(tls), nonce, environment);
}

absl::StatusOr<std::unique_ptr<StateAdapter>> Open(const Uri& uri,
                                                   const AdapterEnvironment& environment,
                                                   const Context& context) {
  return WithinMemory([&]() -> absl::StatusOr<std::unique_ptr<StateAdapter>> {
    DR_ASSIGN_OR_RETURN(std::unique_ptr<RedisStore> store, MakeStore(uri, environment));
    DR_ASSIGN_OR_RETURN(const ServerFacts facts, store->Facts(context));
    DR_RETURN_IF_ERROR(store->BeginCounting(context));
    store->Declare(facts);
    return store;
  });
}

}  // namespace
}  // namespace redis

absl::Status RegisterRedis(AdapterRegistry& registry) {
  for (const char* scheme : {"redis", "rediss", "redis+cluster", "rediss+cluster", "redis+sentinel",
                             "rediss+sentinel"}) {
    DR_RETURN_IF_ERROR(registry.Register(scheme, redis::Open));
  }
  return absl::OkStatus();
}

}  // namespace dr::inline v0
