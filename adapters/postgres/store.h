// A store: one namespace of one table.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/postgres/connection.h"
#include "adapters/postgres/options.h"
#include "adapters/postgres/statements.h"
#include "dr/adapter/connection_pool.h"
#include "dr/adapter/state_adapter.h"
#include "dr/environment/random.h"

namespace dr::inline v0::postgres {

class PostgresStore final : public StateAdapter {
 public:
  /// Random and clock outlive the store.
  static absl::StatusOr<std::unique_ptr<PostgresStore>> Open(Options options, Random& random,
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
  using Arguments = std::vector<Argument>;
  struct Batch;
  // `lost`: nobody knows whether it happened.
  struct Outcome {
    absl::StatusOr<Rows> rows;
    bool lost;
  };

  PostgresStore(Options options, Random& random, const Clock& clock);
  absl::Status Prepare(const std::string& schema, const Context& context);
  absl::StatusOr<ConnectionPool<Connection>::Lease> Take(const Context& context);
  absl::StatusOr<Rows> Ask(const std::string& statement, const Arguments& arguments,
                           const Context& context);
  template <typename Work>
  Outcome Change(const Context& context, const Work& work);
  bool Happened(std::span<const std::string_view> keys, std::span<const std::string_view> versions,
                const Context& context);
  absl::StatusOr<Rows> PutBatches(Connection& connection, std::span<const Batch> batches,
                                  const Context& context) const;

  const Server server_;
  const std::string space_;
  const Clock& clock_;
  Random& random_;
  Resolver resolver_;
  ConnectionPool<Connection> pool_;
  std::string table_;
  Statements statements_;
  Capabilities capabilities_;
};

}  // namespace dr::inline v0::postgres
