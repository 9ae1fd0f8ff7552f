// A plugin with a copy of dr: keeps a counter in a directory. Components of Protobuf messages beside it, of the one
// Protobuf that the process has.
#include "plugin.h"

#include <google/protobuf/wrappers.pb.h>

#include <memory>

#include "dr/host.h"
#include "dr/proto_component.h"

namespace {

using google::protobuf::Int64Value;

class Counter final : public dr::ProtoComponent<Int64Value, Int64Value> {
 public:
  Counter() : ProtoComponent("counter", {.name = "counter", .version = 1}) {}
  absl::Status Add(int n) {
    Int64Value op;
    op.set_value(n);
    return Commit(op).status();
  }
  int value() const {
    dr::ReaderLock lock(state_mutex());
    return static_cast<int>(state().value());
  }

 private:
  absl::Status ApplyTo(Int64Value& sum, const Int64Value& op, const dr::Operation&) override {
    sum.set_value(sum.value() + op.value());
    return absl::OkStatus();
  }
};

class Store final : public KeptCounter {
 public:
  int Open(const char* directory) override {
    auto host =
        dr::Host::Open({.directory = directory, .components = {&counter_}}, dr::LinkedAdapters());
    if (!host.ok()) return static_cast<int>(host.status().code());
    host_ = *std::move(host);
    return static_cast<int>(host_->Start().code());
  }
  int Add(int n) override {
    if (!counter_.Add(n).ok() || !host_->Checkpoint().ok()) return -1;
    return counter_.value();
  }

 private:
  Counter counter_;
  std::unique_ptr<dr::Host> host_;
};

}  // namespace

extern "C" KeptCounter* MakeCounter() { return new Store; }
