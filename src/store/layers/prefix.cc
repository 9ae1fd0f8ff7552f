#include <string>
#include <utility>

#include "dr/adapter/forwarding_store.h"
#include "dr/status_macros.h"
#include "src/store/layers/each.h"

namespace dr::inline v0 {
namespace {

class PrefixLayer final : public ForwardingStore {
 public:
  PrefixLayer(Store inner, std::string prefix)
      : ForwardingStore(std::move(inner)),
        prefix_(std::move(prefix)),
        capabilities_(this->inner().capabilities()) {
    capabilities_.max_key_bytes -= prefix_.size();
  }

  const Capabilities& capabilities() const override { return capabilities_; }

  absl::StatusOr<Version> Put(std::string_view key, std::string_view value,
                              const PutOptions& options, const Context& context) override {
    DR_RETURN_IF_ERROR(CheckOwn(key));
    return inner().Put(Full(key), value, options, context);
  }
  absl::StatusOr<Item> Get(std::string_view key, const Context& context) override {
    DR_RETURN_IF_ERROR(CheckOwn(key));
    return inner().Get(Full(key), context);
  }
  absl::StatusOr<Page> List(std::string_view prefix, std::string_view after,
                            const Context& context) override {
    DR_ASSIGN_OR_RETURN(Page page,
                        inner().List(Full(prefix), after.empty() ? "" : Full(after), context));
    for (ListEntry& entry : page.entries) entry.key.erase(0, prefix_.size());
    return page;
  }
  absl::Status Delete(std::string_view key, const DeleteOptions& options,
                      const Context& context) override {
    DR_RETURN_IF_ERROR(CheckOwn(key));
    return inner().Delete(Full(key), options, context);
  }
  std::vector<absl::StatusOr<Item>> GetMany(std::span<const std::string_view> keys,
                                            const Context& context) override {
    std::vector<std::string> full;
    for (std::string_view key : keys) {
      if (!CheckOwn(key).ok()) return StateAdapter::GetMany(keys, context);  // an error of its own
      full.push_back(Full(key));
    }
    return inner().GetMany(std::vector<std::string_view>(full.begin(), full.end()), context);
  }
  absl::Status PutMany(std::span<const KeyValue> items, const Context& context) override {
    std::vector<std::string> full;
    for (const KeyValue& item : items) {
      DR_RETURN_IF_ERROR(CheckOwn(item.key));
      full.push_back(Full(item.key));
    }
    std::vector<KeyValue> stored;
    for (std::size_t i = 0; i < items.size(); ++i) stored.push_back({full[i], items[i].value});
    return inner().PutMany(stored, context);
  }
  absl::Status DeleteMany(std::span<const std::string> keys, const Context& context) override {
    std::vector<std::string> full;
    for (const std::string& key : keys) {
      DR_RETURN_IF_ERROR(CheckOwn(key));
      full.push_back(Full(key));
    }
    return inner().DeleteMany(full, context);
  }

 private:
  absl::Status CheckOwn(std::string_view key) const {
    return CheckKey(key, capabilities_.max_key_bytes);
  }
  std::string Full(std::string_view key) const { return prefix_ + std::string(key); }

  const std::string prefix_;
  Capabilities capabilities_;
};

}  // namespace

Store WithPrefix(Store inner, std::string prefix) {
  return std::make_unique<PrefixLayer>(std::move(inner), std::move(prefix));
}

}  // namespace dr::inline v0
