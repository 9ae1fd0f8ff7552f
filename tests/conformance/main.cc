// The adapter cases as tests: one for each store and case.
//
//   conformance tests FILE PROGRAM LABEL   writes them in the language of ctest
//   conformance run STORE NAME             runs one
//   conformance table [FILE]               prints case by store, or compares FILE with it
//   conformance child ROLE …               what some of them start
#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dr/status.h"
#include "fmt/format.h"
#include "tests/conformance/catalogue.h"
#include "tests/conformance/store_cases.h"
#include "tests/conformance/stores.h"

// The clients' libraries are not built for ThreadSanitizer, which sees what they touch and not how
// they keep order.
extern "C" const char* __tsan_default_options() { return "ignore_noninstrumented_modules=1"; }

namespace dr::test {
namespace {

absl::Status Run(std::string_view store_name, std::string_view name) {
  for (const Store& store : Stores()) {
    if (store.name == store_name) return RunCase(store, name);
  }
  return absl::NotFoundError("there is no such store");
}

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
  const std::vector<Listed> cases = AllCases();
  for (const Store& store : Stores()) {
    for (std::string_view name : store.left_out) {
      if (std::ranges::find(cases, name, &Listed::name) == cases.end()) {
        return absl::NotFoundError("tests/conformance/stores.cc leaves out what is no case");
      }
    }
    for (const Listed& listed : cases) {
      const bool runs = MustPass(store, listed) && IsWorthIt(store, listed, label);
      if (runs) write(store, listed.name);
    }
  }
  out.close();
  return out ? absl::OkStatus() : absl::InternalError("the list of tests could not be written");
}

absl::Status CheckTable(const char* path) {
  std::ifstream in(path);
  const std::string page{std::istreambuf_iterator<char>(in), {}};
  if (page == Table()) return absl::OkStatus();
  return absl::FailedPreconditionError(AsAbsl(fmt::format(
      "{} is not what the cases are: write it with build/dev/bin/conformance table", path)));
}

absl::Status Main(std::span<char*> arguments) {
  const std::string_view verb = arguments.size() > 1 ? arguments[1] : "";
  if (verb == "tests" && arguments.size() == 5) {
    return WriteTests(arguments[2], arguments[3], arguments[4]);
  }
  if (verb == "table" && arguments.size() == 2) {
    std::cout << Table();
    return absl::OkStatus();
  }
  if (verb == "table" && arguments.size() == 3) return CheckTable(arguments[2]);
  if (verb == "run" && arguments.size() == 4) return Run(arguments[2], arguments[3]);
  if (verb == "child" && arguments.size() == 6) {
    return RunChild(arguments[2], arguments[3], arguments[4], std::stoi(arguments[5]));
  }
  return absl::InvalidArgumentError(
      "usage: conformance tests FILE PROGRAM LABEL | table [FILE] | run STORE NAME");
}

}  // namespace
}  // namespace dr::test

int main(int count, char** arguments) {
  dr::test::TakeCredentials();
  const absl::Status status = dr::test::Main({arguments, static_cast<std::size_t>(count)});
  return status.ok() ? 0 : dr::PrintError(status);
}
