#include "dr/connection_pool.h"
#include "src/base/status_macros.h"
#include "src/store/layers/each.h"
#include "src/store/layers/layer.h"

namespace dr::inline v0 {
namespace {

struct Permit {};

class ConcurrencyLayer final : public Layer {
 public:
  ConcurrencyLayer(Store inner, std::size_t calls_max, const Clock& clock)
      : Layer(std::move(inner)),
        permits_(calls_max, clock, [](const Context&) -> absl::StatusOr<std::unique_ptr<Permit>> {
          return std::make_unique<Permit>();
        }) {}

 private:
  absl::Status Around(const LayerCall& call) override {
    DR_ASSIGN_OR_RETURN(auto permit, permits_.Take(call.context));
    return call.ask(call.context).status;
  }

  ConnectionPool<Permit> permits_;
};

}  // namespace

Store WithConcurrencyLimit(Store inner, std::size_t calls_max, const Clock& clock) {
  return std::make_unique<ConcurrencyLayer>(std::move(inner), calls_max, clock);
}

}  // namespace dr::inline v0
