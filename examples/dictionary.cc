// A dictionary of anything: a key leads to whatever JSON can say, and no schema has to be written
// beforehand.
//
//   dictionary [DIRECTORY]
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <filesystem>
#include <string>

#include "dr/host.h"
#include "dr/proto_component.h"
#include "fmt/format.h"

namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

class Dictionary : public dr::ProtoComponent<Struct, Struct> {
 public:
  Dictionary() : ProtoComponent("dictionary", {.name = "dictionary", .version = 1}) {}

  /// Sets the keys of a JSON object, all of them or none; null takes a key out.
  absl::Status Set(const std::string& json) {
    Struct changes;
    if (!google::protobuf::util::JsonStringToMessage(json, &changes).ok()) {
      return absl::InvalidArgumentError("not a JSON object");
    }
    return Commit(changes).status();
  }

  /// Adds 1 to a number. Two callers never see the same one.
  absl::Status Count(const std::string& key) {
    return CommitIf([&]() -> absl::StatusOr<Struct> {
             dr::ReaderLock lock(state_mutex());
             const auto at = state().fields().find(key);
             const bool there = at != state().fields().end();
             Struct changes;
             (*changes.mutable_fields())[key].set_number_value(there ? at->second.number_value() + 1
                                                                     : 1);
             return changes;
           })
        .status();
  }

  /// As JSON; empty if the key is not there.
  std::string Get(const std::string& key) const {
    dr::ReaderLock lock(state_mutex());
    const auto at = state().fields().find(key);
    std::string json;
    if (at != state().fields().end() &&
        !google::protobuf::util::MessageToJsonString(at->second, &json).ok()) {
      json = "?";
    }
    return json;
  }

 private:
  absl::Status ApplyTo(Struct& state, const Struct& changes, const dr::Operation&) override {
    for (const auto& [key, value] : changes.fields()) {
      if (value.kind_case() == Value::kNullValue) {
        state.mutable_fields()->erase(key);
      } else {
        (*state.mutable_fields())[key] = value;
      }
    }
    return absl::OkStatus();
  }
};

}  // namespace

int main(int argc, char** argv) {
  const std::string directory =
      argc > 1 ? argv[1] : (std::filesystem::temp_directory_path() / "dr_dictionary").string();
  Dictionary dictionary;
  auto host = dr::Host::Open({.directory = directory, .components = {&dictionary}}, {});
  if (!host.ok()) return dr::PrintError(host.status());
  fmt::print("run {} in {}\n", dictionary.Get("runs").empty() ? "1" : "again", directory);

  for (const absl::Status& s : {
           dictionary.Set(
               R"({"model": {"name": "small", "limits": [8, 64]}, "draft": "to be deleted"})"),
           dictionary.Set(R"({"draft": null, "ready": true})"),
           dictionary.Count("runs"),
       }) {
    if (!s.ok()) return dr::PrintError(s);
  }
  if (dictionary.Set("no JSON").ok()) return 1;
  for (const char* key : {"model", "draft", "ready", "runs"}) {
    fmt::print("{:>6} = {}\n", key, dictionary.Get(key));
  }
  if (!dictionary.Get("draft").empty() || dictionary.Get("ready") != "true") return 1;
  return dr::PrintError((*host)->Shutdown());
}
