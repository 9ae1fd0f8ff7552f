#include "tests/conformance/catalogue.h"

#include <algorithm>

#include "dr/environment/random.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/testing/adapter/adapter_check.h"
#include "tests/conformance/store_cases.h"

namespace dr::test {
namespace {

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

template <typename Case>
const Case* FindCase(std::span<const Case> cases, std::string_view name) {
  const auto at = std::ranges::find(cases, name, &Case::name);
  return at == cases.end() ? nullptr : &*at;
}

const StoreCase* FindStoreCase(std::string_view name) {
  for (const auto& some : {ProcessCases(), CutCases(), SilenceCases(), KillCases()}) {
    if (const StoreCase* found = FindCase(some, name)) return found;
  }
  return nullptr;
}

}  // namespace

std::vector<Listed> AllCases() {
  std::vector<Listed> all = {{kDeclares, About::kCalls}};
  for (const AdapterCase& check : AdapterCases()) {
    About about = About::kCalls;
    if (FindCase(RaceCases(), check.name) != nullptr) about = About::kThreads;
    if (FindCase(ModelCases(), check.name) != nullptr) about = About::kModel;
    all.push_back({check.name, about});
  }
  for (const auto& [cases, about] :
       {std::pair(ProcessCases(), About::kProcesses), std::pair(CutCases(), About::kCuts),
        std::pair(SilenceCases(), About::kSilence), std::pair(KillCases(), About::kKills)}) {
    for (const StoreCase& check : cases) all.push_back({check.name, about});
  }
  return all;
}

bool MustPass(const Store& store, const Listed& listed) {
  if (std::ranges::find(store.left_out, listed.name) != store.left_out.end()) return false;
  if (const StoreCase* check = FindStoreCase(listed.name)) return check->applies(store);
  const AdapterCase* check = FindCase(AdapterCases(), listed.name);
  return check == nullptr || check->applies(store.declared);
}

bool IsWorthIt(const Store& store, const Listed& listed, std::string_view label) {
  if (label != "asan" && label != "tsan") return true;
  // To a sanitizer a second server of an adapter says nothing new, nor does a second process.
  if (!store.left_out.empty()) return false;
  const About about = listed.about;
  if (label == "tsan") return about == About::kThreads || about == About::kSilence;
  const bool is_long = std::ranges::find(LongCases(), listed.name) != LongCases().end();
  return (about == About::kCalls || about == About::kThreads || about == About::kCuts) &&
         !(store.is_slow && is_long);
}

absl::Status RunCase(const Store& store, std::string_view name) {
  DR_ASSIGN_OR_RETURN(std::string prefix, FreshPrefix());
  if (const StoreCase* check = FindStoreCase(name)) return check->run(store, prefix);
  Place place(store);
  DR_ASSIGN_OR_RETURN(std::unique_ptr<StateAdapter> opened, place.Open());
  if (name == kDeclares) return Declares(store, opened->capabilities());
  AdapterUnderTest tested(*opened);
  if (store.clients != Clients::kOneObject) {
    tested.open_another = [&] { return place.Open(); };
  }
  tested.model_calls = store.model_calls;
  const AdapterCase* check = FindCase(AdapterCases(), name);
  return check != nullptr ? check->run(tested, prefix)
                          : absl::NotFoundError("there is no such case");
}

std::string Table() {
  std::string out =
      "# The cases of the conformance suite, by store\n\n"
      "● the store must pass the case: it is the test `conformance/<store>/<case>`, which\n"
      "`scripts/test conformance` runs on the real server. Empty: the store does not declare what "
      "the case is\n"
      "about, has no server, or another store of the same adapter runs it. This page is written "
      "by\n"
      "`conformance table`; a test keeps it in step with the cases.\n\n";
  std::string rule = "|---|";
  out += "| case |";
  for (const Store& store : AllStores()) {
    out += fmt::format(" {} |", store.name);
    rule += ":-:|";
  }
  out += fmt::format("\n{}\n", rule);
  std::vector<int> totals(AllStores().size());
  for (const Listed& listed : AllCases()) {
    out += fmt::format("| {} |", listed.name);
    for (std::size_t i = 0; i < totals.size(); ++i) {
      const bool must = MustPass(AllStores()[i], listed);
      totals[i] += must;
      out += must ? " ● |" : "  |";
    }
    out += "\n";
  }
  out += fmt::format("| {} in all |", AllCases().size());
  for (int total : totals) out += fmt::format(" {} |", total);
  return out + "\n";
}

}  // namespace dr::test
