// A bucket, or what of it lies beneath a prefix, as a store.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/s3/client.h"
#include "adapters/s3/probe.h"
#include "dr/adapter/state_adapter.h"
#include "dr/clock.h"
#include "dr/environment/random.h"

namespace dr::inline v0 {

class S3Store final : public StateAdapter {
 public:
  /// Finds out what the endpoint does. Random and clock outlive the store.
  static absl::StatusOr<std::unique_ptr<S3Store>> Open(std::unique_ptr<S3Client> client,
                                                       Random& random, const Clock& clock,
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
  absl::Status DeleteMany(std::span<const std::string> keys, const Context& context) override;

 private:
  struct Found;

  S3Store(std::unique_ptr<S3Client> client, S3Findings findings, Random& random,
          const Clock& clock);
  const std::string& root() const { return client_->options().root; }
  absl::Status Failed(const S3Call& call, const S3Answer& answer) const;
  std::string NameOf(std::string_view key) const;
  absl::StatusOr<Version> Store(std::string_view key, std::string_view value, std::string_view tail,
                                PutOptions options, const Context& context);
  absl::StatusOr<std::optional<Found>> Look(std::string_view name, const Context& context);
  absl::StatusOr<Item> ItemOf(std::string_view key, const S3Call& call,
                              absl::StatusOr<S3Answer> answer) const;
  absl::Status Pause(int attempt, const Context& context);
  absl::StatusOr<S3Listing> ListObjects(std::string_view prefix, std::string_view after,
                                        std::string_view count, const Context& context);

  const std::unique_ptr<S3Client> client_;
  const S3Findings findings_;
  Random& random_;
  const Clock& clock_;
  Capabilities capabilities_;
};

}  // namespace dr::inline v0
