// A store around another one. What a layer does is the same for all kinds of calls, so that it
// writes one function, `Intercept`, instead of eight.
#pragma once

#include <memory>

#include "absl/functional/function_ref.h"
#include "dr/adapter/forwarding_store.h"
#include "dr/adapter/layers.h"

namespace dr::inline v0 {

struct Answer {
  absl::Status status;
  std::uint64_t bytes = 0;  ///< of values
};

/// Whether the status is an answer of the store; other statuses arose on the way.
bool IsAnswer(const absl::Status& status);

struct LayerCall {
  StoreCall kind;
  std::uint64_t bytes;  ///< of values that go to the store
  const Context& context;
  /// Asks the inner store. If it is asked several times, the last answer is the call's.
  absl::FunctionRef<Answer(const Context& context)> ask;
};

class Layer : public ForwardingStore {
 public:
  explicit Layer(std::unique_ptr<StateAdapter> inner) : ForwardingStore(std::move(inner)) {}

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
  /// OK only if the store was asked and answered OK the last time.
  virtual absl::Status Intercept(const LayerCall& call) = 0;

  template <typename Result, typename Ask, typename BytesOf>
  absl::StatusOr<Result> Make(StoreCall kind, std::uint64_t bytes, const Context& context, Ask ask,
                              BytesOf bytes_of);
};

}  // namespace dr::inline v0
