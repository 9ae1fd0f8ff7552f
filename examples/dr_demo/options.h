// The command line of dr_demo.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "absl/status/statusor.h"

namespace demo {

struct Options {
  std::string directory = {};                    ///< empty: a new one, removed when all went well
  std::optional<std::uint64_t> operations = {};  ///< not set: once through WordNet
  std::uint64_t seed = 1;
  std::uint32_t threads = 8;
  std::optional<std::uint32_t> kills = {};  ///< not set: 20 in a new directory, none in a given one
  std::string wordnet = "/usr/share/wordnet";
  bool digest = false, json = false, worker = false, help = false, version = false;

  std::uint32_t kills_wanted() const { return kills.value_or(directory.empty() ? 20 : 0); }
};

/// `arguments` are those of main without the program's name.
absl::StatusOr<Options> ParseOptions(std::span<const char* const> arguments);

/// What --help prints.
std::string Usage();

}  // namespace demo
