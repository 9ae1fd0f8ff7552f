#include "examples/dr_demo/options.h"

#include <charconv>
#include <string_view>

#include "absl/status/status.h"
#include "dr/status.h"
#include "examples/dr_demo/history.h"
#include "fmt/format.h"

namespace demo {
namespace {

absl::Status Bad(std::string_view what) {
  return dr::MakeFault(
      {.kind = dr::FaultKind::kInvalid, .place = "command line", .next = "see dr_demo --help"},
      what);
}

template <class Number>
absl::Status ParseNumber(std::string_view option, std::string_view text, Number max,
                         Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number <= max) {
    return absl::OkStatus();
  }
  return Bad(fmt::format("{} wants a number up to {} and not '{}'", option, max, text));
}

constexpr std::uint64_t kMaxOperations = 1'000'000'000;

}  // namespace

absl::StatusOr<Options> ParseOptions(std::span<const char* const> arguments) {
  Options options;
  while (!arguments.empty()) {
    const std::string_view option = arguments.front();
    arguments = arguments.subspan(1);
    if (option == "--digest") {
      options.digest = true;
    } else if (option == "--json") {
      options.json = true;
    } else if (option == "--worker") {
      options.worker = true;
    } else if (option == "--help") {
      options.help = true;
    } else if (option == "--version") {
      options.version = true;
    } else if (arguments.empty()) {
      return Bad(fmt::format("{} is not an option, or its value is missing", option));
    } else {
      const std::string_view value = arguments.front();
      arguments = arguments.subspan(1);
      absl::Status status;
      if (option == "--directory") {
        options.directory = value;
        if (value.empty()) status = Bad("--directory is empty");
      } else if (option == "--operations") {
        status = ParseNumber(option, value, kMaxOperations, options.operations.emplace());
      } else if (option == "--seed") {
        status = ParseNumber(option, value, ~std::uint64_t{0}, options.seed);
      } else if (option == "--threads") {
        status = ParseNumber(option, value, std::uint32_t{256}, options.threads);
        if (status.ok() && options.threads == 0) status = Bad("--threads wants at least one");
      } else if (option == "--kills") {
        status = ParseNumber(option, value, std::uint32_t{10'000}, options.kills.emplace());
      } else if (option == "--wordnet") {
        options.wordnet = value;
      } else {
        status = Bad(fmt::format("{} is not an option", option));
      }
      if (!status.ok()) return status;
    }
  }
  if (options.digest && options.directory.empty()) return Bad("--digest wants a --directory");
  if (options.worker && (options.directory.empty() || !options.operations)) {
    return Bad("--worker is for the supervisor");
  }
  return options;
}

std::string Usage() {
  return fmt::format(
      R"(usage: dr_demo [OPTION …]

{0} agents learn WordNet: every meaning and every relation is an operation of a graph, with a queue
of tasks and a journal of steps beside it. Every commit is on the disk before it is acknowledged.

Without options: a worker process does it all in a new directory, is killed 20 times at random
moments and started again; each time what it recovered is compared with what it had acknowledged.

  --directory DIR   work in DIR, or go on there; without --kills the program works in its own
                    process and may be killed from outside
  --operations N    how many operations in all (default: once through WordNet; later ones repeat it)
  --seed S          which operations (default 1)
  --threads T       how many work (default 8; beyond {0} they idle); the operations are the same
  --kills K         how often the worker is killed (default 20, with --directory 0)
  --digest          recover DIR, print the digest of the whole state in one line, and end
  --json            the figures as one JSON object in the last line
  --wordnet DIR     where the data files are (default /usr/share/wordnet)
  --help, --version

Ends with 0 if everything acknowledged is there, 1 if not or on another error, 2 for a wrong command
line, 3 if the data is damaged, 4 if the directory is in use.
)",
      kAgents);
}

}  // namespace demo
