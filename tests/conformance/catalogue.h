// Which cases there are, which of them a store must pass, and which are worth their time in a build
// with a sanitizer.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/conformance/stores.h"

namespace dr::test {

inline constexpr std::string_view kDeclares = "It declares what is expected of it";

enum class About {
  kCalls,      ///< of one client, or of two in turn
  kThreads,    ///< that race in one process
  kModel,      ///< very many calls of one thread
  kProcesses,  ///< that race, or are killed
  kCuts,       ///< an answer that does not come as a whole
  kSilence,    ///< threads whose connections are all given up
  kKills,      ///< of a server of the test's own
};

struct Listed {
  std::string_view name;
  About about;
};

/// In the order of the table.
std::vector<Listed> AllCases();
/// What is expected of the store decides it, so that no server is needed while tests are listed,
/// and no case is left out because a store declares less than it did.
bool MustPass(const Store& store, const Listed& listed);
/// `label` is that of the build's tests.
bool IsWorthIt(const Store& store, const Listed& listed, std::string_view label);

absl::Status RunCase(const Store& store, std::string_view name);

/// Case by store, in Markdown: the whole of docs/CONFORMANCE.md.
std::string Table();

}  // namespace dr::test
