// A store whose answers get lost, and whose listing is late, on demand.
#pragma once

#include <string>

#include "dr/adapter/memory_store.h"
#include "dr/status.h"
#include "tests/support/borrowed_store.h"

namespace dr::test {

enum class Loss { kNone, kAnswer, kCall, kRefused };

class LossyStore final : public test::SingleCalls {
 public:
  LossyStore() : SingleCalls(store) {}
  explicit LossyStore(const Clock& clock) : SingleCalls(store), store(1 << 20, clock) {}

  Capabilities can = MemoryStore(1 << 20).capabilities();
  MemoryStore store{1 << 20};
  std::string prefix = {};  ///< of the keys that are concerned
  Loss loss = Loss::kNone;  ///< of puts
  int losses = 0;           ///< how many times
  bool gets_fail = false;
  std::string hidden_from = "~";  ///< keys from here on are not listed yet

  const Capabilities& capabilities() const override { return can; }
  absl::StatusOr<Version> Put(std::string_view key, std::string_view value,
                              const PutOptions& options, const Context& context) override {
    if (losses == 0 || !key.starts_with(prefix)) return store.Put(key, value, options, context);
    --losses;
    if (loss == Loss::kRefused) return MakeFault({.kind = FaultKind::kNoSpace}, "full");
    if (loss == Loss::kAnswer) static_cast<void>(store.Put(key, value, options, context));
    return MakeFault({.kind = FaultKind::kAmbiguous}, "no answer");
  }
  absl::StatusOr<Item> Get(std::string_view key, const Context& context) override {
    if (gets_fail) return MakeFault({.kind = FaultKind::kBusy}, "away");
    return store.Get(key, context);
  }
  absl::StatusOr<Page> List(std::string_view prefix_of, std::string_view after,
                            const Context& context) override {
    auto page = store.List(prefix_of, after, context);
    if (page.ok()) {
      std::erase_if(page->entries,
                    [&](const ListEntry& entry) { return entry.key >= hidden_from; });
    }
    return page;
  }
  absl::Status Check(const Context& context) override { return store.Check(context); }
};

}  // namespace dr::test
