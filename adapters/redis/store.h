// A store: one namespace of what a server, a cluster or a service behind sentinels keeps.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/redis/master.h"
#include "adapters/redis/options.h"
#include "adapters/redis/server_facts.h"
#include "adapters/redis/tls.h"
#include "dr/adapter/state_adapter.h"
#include "dr/clock.h"
#include "dr/environment/random.h"

namespace dr::inline v0::redis {

class RedisStore final : public StateAdapter {
 public:
  /// Random and clock outlive the store.
  static absl::StatusOr<std::unique_ptr<RedisStore>> Open(Options options, Random& random,
                                                          const Clock& clock,
                                                          const Context& context);

  const Capabilities& capabilities() const override { return capabilities_; }
  absl::StatusOr<Version> Put(std::string_view key, std::string_view value,
                              const PutOptions& options, const Context& context) override;
  absl::StatusOr<Item> Get(std::string_view key, const Context& context) override;
  absl::StatusOr<Page> List(std::string_view prefix, std::string_view after,
                            const Context& context) override;
  absl::Status Delete(std::string_view key, const DeleteOptions& options,
                      const Context& context) override;
  absl::Status Check(const Context& context) override;
  std::vector<absl::StatusOr<Item>> GetMany(std::span<const std::string_view> keys,
                                            const Context& context) override;
  absl::Status PutMany(std::span<const KeyValue> items, const Context& context) override;
  absl::Status DeleteMany(std::span<const std::string> keys, const Context& context) override;

 private:
  RedisStore(Options options, std::unique_ptr<Tls> tls, std::uint64_t nonce, Random& random,
             const Clock& clock);
  absl::StatusOr<ServerFacts> Facts(const Context& context);
  absl::Status BeginCounting(const Context& context);
  void Declare(const ServerFacts& facts);
  absl::Status Weakened(std::string_view why) const;
  absl::StatusOr<std::string> Stored(std::string_view key, std::string_view value) const;
  absl::StatusOr<std::vector<Reply>> Ask(std::span<const Command> commands,
                                         const Context& context) {
    return master_.Ask(commands, context).replies;
  }
  absl::Status Mutate(const Script& script, std::string_view key, const Command& keys,
                      const Command& arguments, const Context& context);
  void GetSome(std::span<const std::string_view> keys, const Context& context,
               std::vector<absl::StatusOr<Item>>& items);
  void Forget(const std::vector<std::string_view>& members, const Context& context);
  absl::StatusOr<std::vector<Reply>> Lengths(const std::vector<Reply>& members,
                                             const Context& context);

  Random& random_;
  const Clock& clock_;
  const std::string values_, index_, counter_;
  Capabilities capabilities_ = {};
  Master master_;
};

}  // namespace dr::inline v0::redis
