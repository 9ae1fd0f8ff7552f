#include "src/base/out_of_memory.h"
#include "src/store/layers/each.h"
#include "src/store/layers/layer.h"

namespace dr::inline v0 {
namespace {

class BorderLayer final : public Layer {
 public:
  using Layer::Layer;

 private:
  absl::Status Intercept(const LayerCall& call) override {
    // Where memory ended inside the store, only the store knows whether it had begun to write.
    const bool may_have_happened =
        call.kind == StoreCall::kPut || call.kind == StoreCall::kDelete ||
        call.kind == StoreCall::kPutMany || call.kind == StoreCall::kDeleteMany;
    return WithinMemory([&] { return call.ask(call.context).status; }, &may_have_happened);
  }
};

}  // namespace

Store WithBorder(Store inner) { return std::make_unique<BorderLayer>(std::move(inner)); }

}  // namespace dr::inline v0
