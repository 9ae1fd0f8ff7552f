#include <functional>
#include <memory>
#include <vector>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "tests/conformance/store_cases.h"
#include "tests/support/fault_proxy.h"

namespace dr::test {
namespace {

constexpr long kPositions = 16;  // of the cut, in each exchange

absl::Status Fail(const std::string& what) { return absl::InternalError(AsAbsl(what)); }

// A store behind a proxy, and the same one without.
struct Way {
  std::unique_ptr<FaultProxy> proxy;
  std::unique_ptr<StateAdapter> store, direct;
};

absl::StatusOr<Way> OpenWay(const Store& store) {
  DR_ASSIGN_OR_RETURN(std::string uri, Place(store).Uri());
  Way way;
  way.proxy = std::make_unique<FaultProxy>(PortOf(uri));
  DR_ASSIGN_OR_RETURN(way.store, OpenUri(way.proxy->Through(uri)));
  DR_ASSIGN_OR_RETURN(way.direct, OpenUri(uri));
  return way;
}

// All positions of a short exchange, else some and among them the first and the last.
std::vector<long> Positions(long bytes) {
  std::vector<long> all;
  const long count = std::min(bytes, kPositions);
  for (long i = 0; i < count; ++i) all.push_back(i * (bytes - 1) / std::max(1L, count - 1));
  return all;
}

// One call on keys of its own, that begin with a name.
struct Exchange {
  std::string_view name;
  bool writes;
  absl::Status (*prepare)(StateAdapter& store, const std::string& key);
  absl::Status (*call)(StateAdapter& store, const std::string& key);
  /// What must be there after `outcome`.
  absl::Status (*check)(StateAdapter& store, const std::string& key, const absl::Status& outcome);
};

absl::Status Nothing(StateAdapter&, const std::string&) { return absl::OkStatus(); }
absl::Status Unchecked(StateAdapter&, const std::string&, const absl::Status&) {
  return absl::OkStatus();
}

absl::Status PutOld(StateAdapter& store, const std::string& key) {
  return store.Put(key, "old", {}, {}).status();
}

constexpr std::string_view kNothing = "(nothing)";

// `before` if it has not happened, `after` if it has.
absl::Status Check(StateAdapter& store, const std::string& key, const absl::Status& outcome,
                   std::string_view before, std::string_view after) {
  const absl::StatusOr<Item> item = store.Get(key, {});
  if (!item.ok() && !absl::IsNotFound(item.status())) return item.status();
  const std::string found(item.ok() ? item->value : kNothing);
  const bool may_be_old = !outcome.ok(), may_be_new = outcome.ok() || absl::IsUnknown(outcome);
  if ((may_be_old && found == before) || (may_be_new && found == after)) return absl::OkStatus();
  return Fail(fmt::format("'{}' is there after {}", found, AsStd(outcome.ToString())));
}

absl::Status Create(StateAdapter& store, const std::string& key) {
  return store.Put(key, "new", {.condition = PutCondition::kIfAbsent}, {}).status();
}
absl::Status CheckCreated(StateAdapter& store, const std::string& key,
                          const absl::Status& outcome) {
  return Check(store, key, outcome, kNothing, "new");
}

// Its first half, the reading, is a part of the exchange.
absl::Status Replace(StateAdapter& store, const std::string& key) {
  DR_ASSIGN_OR_RETURN(Item item, store.Get(key, {}));
  return store
      .Put(key, item.value + "+", {.condition = PutCondition::kIfVersion, .version = item.version},
           {})
      .status();
}
absl::Status CheckReplaced(StateAdapter& store, const std::string& key,
                           const absl::Status& outcome) {
  return Check(store, key, outcome, "old", "old+");
}

absl::Status Remove(StateAdapter& store, const std::string& key) {
  return store.Delete(key, {}, {});
}
absl::Status CheckRemoved(StateAdapter& store, const std::string& key,
                          const absl::Status& outcome) {
  return Check(store, key, outcome, "old", kNothing);
}

absl::Status PutTwo(StateAdapter& store, const std::string& key) {
  const std::string other = key + "b";
  const KeyValue items[] = {{key, "new"}, {other, "new"}};
  return store.PutMany(items, {});
}
absl::Status CheckTwo(StateAdapter& store, const std::string& key, const absl::Status& outcome) {
  // What is not one batch may have happened in part, whatever the outcome of the part that failed.
  const bool whole = store.capabilities().atomic_batch;
  const absl::Status open = absl::UnknownError("");
  const absl::Status& each = whole || outcome.ok() ? outcome : open;
  DR_RETURN_IF_ERROR(Check(store, key, each, kNothing, "new"));
  DR_RETURN_IF_ERROR(Check(store, key + "b", each, kNothing, "new"));
  const bool one = store.Get(key, {}).ok(), other = store.Get(key + "b", {}).ok();
  return whole && one != other ? Fail("half of a batch is there") : absl::OkStatus();
}

absl::Status PutTwoOld(StateAdapter& store, const std::string& key) {
  const std::string other = key + "b";
  const KeyValue items[] = {{key, "old"}, {other, "old"}};
  return store.PutMany(items, {});
}
absl::Status RemoveTwo(StateAdapter& store, const std::string& key) {
  const std::string keys[] = {key, key + "b"};
  return store.DeleteMany(keys, {});
}
absl::Status CheckTwoRemoved(StateAdapter& store, const std::string& key,
                             const absl::Status& outcome) {
  // Whatever the outcome of the one that failed, the other may be deleted.
  const absl::Status each = outcome.ok() ? outcome : absl::UnknownError("");
  DR_RETURN_IF_ERROR(Check(store, key, each, "old", kNothing));
  return Check(store, key + "b", each, "old", kNothing);
}

absl::Status GetOld(StateAdapter& store, const std::string& key) {
  DR_ASSIGN_OR_RETURN(Item item, store.Get(key, {}));
  return item.value == "old" ? absl::OkStatus() : Fail("another value was read");
}
absl::Status ListOld(StateAdapter& store, const std::string& key) {
  DR_ASSIGN_OR_RETURN(Page page, store.List(key, "", {}));
  return page.entries.size() == 1 ? absl::OkStatus() : Fail("the listing is short");
}

constexpr Exchange kExchanges[] = {
    {"create", true, Nothing, Create, CheckCreated},
    {"replace", true, PutOld, Replace, CheckReplaced},
    {"delete", true, PutOld, Remove, CheckRemoved},
    {"put two", true, Nothing, PutTwo, CheckTwo},
    {"delete two", true, PutTwoOld, RemoveTwo, CheckTwoRemoved},
    {"get", false, PutOld, GetOld, Unchecked},
    {"list", false, PutOld, ListOld, Unchecked},
};

bool IsTyped(const Exchange& exchange, const absl::Status& status) {
  return status.ok() || absl::IsUnavailable(status) || (exchange.writes && absl::IsUnknown(status));
}

using Cut = void (FaultProxy::*)(long bytes);
using Seen = long (FaultProxy::*)() const;

// Cut at one byte, after a call that all of the exchange's preparations were made for.
absl::Status CutAt(const Way& way, const Exchange& exchange, Cut cut, long position,
                   const std::string& key) {
  DR_RETURN_IF_ERROR(exchange.prepare(*way.direct, key + "warm"));
  DR_RETURN_IF_ERROR(exchange.call(*way.store, key + "warm"));
  const std::string own = key + "cut";
  DR_RETURN_IF_ERROR(exchange.prepare(*way.direct, own));
  (*way.proxy.*cut)(position);
  const absl::Status outcome = exchange.call(*way.store, own);
  const bool has_cut = way.proxy->has_cut();
  way.proxy->CutNoMore();
  if (!IsTyped(exchange, outcome)) return outcome;
  if (!has_cut && !outcome.ok()) return Fail("it failed, and nothing was cut");
  return exchange.check(*way.direct, own, outcome);
}

absl::Status CutEverywhere(const Way& way, const std::string& prefix, Cut cut, Seen seen) {
  for (const Exchange& exchange : kExchanges) {
    long bytes = 0;
    for (const char* time : {"first", "second"}) {
      const std::string key = fmt::format("{}{}/{}", prefix, exchange.name, time);
      DR_RETURN_IF_ERROR(exchange.prepare(*way.direct, key));
      const long before = (*way.proxy.*seen)();
      DR_RETURN_IF_ERROR(exchange.call(*way.store, key));
      bytes = (*way.proxy.*seen)() - before;
    }
    if (bytes == 0) return Fail(fmt::format("{}: nothing was said", exchange.name));
    for (long position : Positions(bytes)) {
      const absl::Status status = CutAt(way, exchange, cut, position,
                                        fmt::format("{}{}/{}/", prefix, exchange.name, position));
      if (status.ok()) continue;
      return Fail(fmt::format("{}, cut at {} of {}: {}", exchange.name, position, bytes,
                              AsStd(status.ToString())));
    }
  }
  return absl::OkStatus();
}

absl::Status RepliesAreCut(const Store& store, const std::string& prefix) {
  DR_ASSIGN_OR_RETURN(Way way, OpenWay(store));
  return CutEverywhere(way, prefix, &FaultProxy::CutReplyAfter, &FaultProxy::reply_bytes);
}

absl::Status RequestsAreCut(const Store& store, const std::string& prefix) {
  DR_ASSIGN_OR_RETURN(Way way, OpenWay(store));
  return CutEverywhere(way, prefix, &FaultProxy::CutRequestAfter, &FaultProxy::request_bytes);
}

absl::Status OpeningsAreCut(const Store& store, const std::string&) {
  DR_ASSIGN_OR_RETURN(std::string uri, Place(store).Uri());
  FaultProxy proxy(PortOf(uri));
  DR_RETURN_IF_ERROR(OpenUri(proxy.Through(uri)).status());
  const long bytes = proxy.reply_bytes();
  for (long position : Positions(bytes)) {
    proxy.CutReplyAfter(position);
    const absl::Status opened = OpenUri(proxy.Through(uri)).status();
    proxy.CutNoMore();
    if (opened.ok() || absl::IsUnavailable(opened)) continue;
    return Fail(fmt::format("cut at {} of {}: {}", position, bytes, AsStd(opened.ToString())));
  }
  return OpenUri(proxy.Through(uri)).status();
}

absl::Status BytesComeOneByOne(const Store& store, const std::string& prefix) {
  DR_ASSIGN_OR_RETURN(std::string uri, Place(store).Uri());
  FaultProxy proxy(PortOf(uri));
  proxy.PassOnly(1);
  DR_ASSIGN_OR_RETURN(std::unique_ptr<StateAdapter> slow, OpenUri(proxy.Through(uri)));
  for (const Exchange& exchange : kExchanges) {
    const std::string key = fmt::format("{}{}/", prefix, exchange.name);
    DR_RETURN_IF_ERROR(exchange.prepare(*slow, key));
    DR_RETURN_IF_ERROR(exchange.call(*slow, key));
    DR_RETURN_IF_ERROR(exchange.check(*slow, key, absl::OkStatus()));
  }
  return absl::OkStatus();
}

bool HasServer(const Store& store) { return !store.server.empty(); }

constexpr StoreCase kCases[] = {
    {"D15: A reply that is cut at any byte has a typed error and no second effect", HasServer,
     RepliesAreCut},
    {"D15: A request that is cut at any byte has a typed error and no half an effect", HasServer,
     RequestsAreCut},
    {"D3: A connection that is cut while it is made is worth another try", HasServer,
     OpeningsAreCut},
    {"D8: What comes one byte at a time is understood", HasServer, BytesComeOneByOne},
};

}  // namespace

std::span<const StoreCase> CutCases() { return kCases; }

}  // namespace dr::test
