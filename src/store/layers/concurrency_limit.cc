#include "dr/adapter/permits.h"
#include "dr/status_macros.h"
#include "src/store/layers/each.h"
#include "src/store/layers/layer.h"

namespace dr::inline v0 {
namespace {

class ConcurrencyLayer final : public Layer {
 public:
  ConcurrencyLayer(Store inner, std::size_t calls_max, const Clock& clock)
      : Layer(std::move(inner)), permits_(calls_max), clock_(clock) {}

 private:
  absl::Status Intercept(const LayerCall& call) override {
    DR_ASSIGN_OR_RETURN(const Permits::Permit permit,
                        permits_.Take(call.context, clock_, NameOf(call.kind)));
    return call.ask(call.context).status;
  }

  Permits permits_;
  const Clock& clock_;
};

}  // namespace

Store WithConcurrencyLimit(Store inner, std::size_t calls_max, const Clock& clock) {
  return std::make_unique<ConcurrencyLayer>(std::move(inner), calls_max, clock);
}

}  // namespace dr::inline v0
