// The adapter cases as tests: one for each store and case.
//
//   conformance tests FILE PROGRAM LABEL   writes them in the language of ctest
//   conformance run STORE NAME             runs one
//   conformance child ROLE …               what some of them start
#include <algorithm>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dr/random.h"
#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/status_macros.h"
#include "tests/conformance/store_cases.h"
#include "tests/conformance/stores.h"

namespace dr::testing {
namespace {

constexpr std::string_view kDeclares = "It declares what is expected of it";

// One place for every run, so that many may run on one server at a time.
absl::StatusOr<std::string> FreshPrefix() {
  SystemRandom random;
  DR_ASSIGN_OR_RETURN(std::uint64_t number, random.Next());
  return fmt::format("conformance/{:016x}/", number);
}

absl::Status Declares(const Store& store, const Capabilities& can) {
  const Capabilities& expected = store.declared;
  const struct {
    std::string_view name;
    bool found, expected;
  } rows[] = {{"if_absent", can.if_absent, expected.if_absent},
              {"if_version", can.if_version, expected.if_version},
              {"atomic_batch", can.atomic_batch, expected.atomic_batch},
              {"ttl", can.ttl, expected.ttl}};
  for (const auto& row : rows) {
    if (row.found == row.expected) continue;
    return absl::InternalError(
        AsAbsl(fmt::format("{} is {}, expected {}", row.name, row.found, row.expected)));
  }
  return absl::OkStatus();
}

std::vector<StoreCase> StoreCases() {
  std::vector<StoreCase> all;
  for (const auto& some : {ProcessCases(), CutCases(), FireCases()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

absl::Status RunCase(const Store& store, std::string_view name) {
  Place place(store);
  DR_ASSIGN_OR_RETURN(std::string prefix, FreshPrefix());
  for (const StoreCase& check : StoreCases()) {
    if (check.name == name) return check.run(store, prefix);
  }
  DR_ASSIGN_OR_RETURN(std::unique_ptr<StateAdapter> opened, place.Open());
  if (name == kDeclares) return Declares(store, opened->capabilities());
  AdapterUnderTest tested(*opened);
  if (store.clients != Clients::kOneObject) {
    tested.open_another = [&] { return place.Open(); };
  }
  tested.model_calls = store.model_calls;
  for (const AdapterCase& check : AdapterCases()) {
    if (check.name == name) return check.run(tested, prefix);
  }
  return absl::NotFoundError("there is no such case");
}

absl::Status Run(std::string_view store_name, std::string_view name) {
  for (const Store& store : Stores()) {
    if (store.name == store_name) return RunCase(store, name);
  }
  return absl::NotFoundError("there is no such store");
}

// Which cases a store must pass is decided by what is expected of it, so that no server is needed
// while tests are listed, and none is left out because a store declares less than it did.
absl::Status WriteTests(const char* path, std::string_view program, std::string_view label) {
  std::ofstream out(path);
  const auto write = [&](const Store& store, std::string_view name) {
    const std::string test =
        fmt::format("{}conformance/{}/{}", label == "conformance" ? "" : fmt::format("{}/", label),
                    store.name, name);
    out << fmt::format("add_test([==[{}]==] [==[{}]==] run {} [==[{}]==])\n", test, program,
                       store.name, name);
    out << fmt::format("set_tests_properties([==[{}]==] PROPERTIES LABELS {} TIMEOUT 600)\n", test,
                       label);
  };
  for (const std::string& adapter : AdaptersWithoutStore()) {
    return absl::NotFoundError(
        AsAbsl(fmt::format("tests/conformance/stores.cc has no store for {}", adapter)));
  }
  for (const Store& store : Stores()) {
    // To a sanitizer a second server of an adapter says nothing new.
    if (label != "conformance" && !store.left_out.empty()) continue;
    std::size_t left_out = 0;
    const auto write_unless_left_out = [&](std::string_view name) {
      const bool runs = std::ranges::find(store.left_out, name) == store.left_out.end();
      runs ? write(store, name) : static_cast<void>(++left_out);
    };
    write(store, kDeclares);
    for (const AdapterCase& check : AdapterCases()) {
      if (check.applies(store.declared)) write_unless_left_out(check.name);
    }
    for (const StoreCase& check : StoreCases()) {
      if (check.applies(store)) write_unless_left_out(check.name);
    }
    if (left_out != store.left_out.size()) {
      return absl::NotFoundError("tests/conformance/stores.cc leaves out what is no case");
    }
  }
  out.close();
  return out ? absl::OkStatus() : absl::InternalError("the list of tests could not be written");
}

absl::Status Main(std::span<char*> arguments) {
  const std::string_view verb = arguments.size() > 1 ? arguments[1] : "";
  if (verb == "tests" && arguments.size() == 5) {
    return WriteTests(arguments[2], arguments[3], arguments[4]);
  }
  if (verb == "run" && arguments.size() == 4) return Run(arguments[2], arguments[3]);
  if (verb == "child" && arguments.size() == 6) {
    return RunChild(arguments[2], arguments[3], arguments[4], std::stoi(arguments[5]));
  }
  return absl::InvalidArgumentError("usage: conformance tests FILE PROGRAM LABEL | run STORE NAME");
}

}  // namespace
}  // namespace dr::testing

int main(int count, char** arguments) {
  dr::testing::TakeCredentials();
  const absl::Status status = dr::testing::Main({arguments, static_cast<std::size_t>(count)});
  return status.ok() ? 0 : dr::PrintError(status);
}
