// Text from a file or a variable: a configuration, a text with variables. What is accepted
// keeps to its bounds and comes back from its own form; no error shows a variable's value.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "dr/config.h"
#include "dr/environment/uri.h"
#include "dr/status.h"

namespace {

constexpr std::string_view kSecret = "hunter2hunter2";

std::optional<std::string> Variable(std::string_view name) {
  if (name == "REDIS_URL") return "redis://u:hunter2hunter2@h/0";
  if (name == "SECRET") return std::string(kSecret);
  if (name == "N") return "3600";
  return std::nullopt;
}

void Must(bool holds) {
  if (!holds) std::abort();
}

template <typename Result>
void MustBeSilent(const Result& result, std::string_view input) {
  if (result.ok() || input.find(kSecret) != input.npos) return;
  Must(result.status().code() == absl::StatusCode::kInvalidArgument);
  Must(dr::AsStd(result.status().message()).find(kSecret) == std::string_view::npos);
}

void Configuration(std::string_view text) {
  const auto options = dr::ParseHostOptions(text, "agent.yaml", Variable);
  MustBeSilent(options, text);
  if (!options.ok()) return;
  Must(!options->directory.empty() || !options->repository.empty());
  Must(options->repository.empty() || dr::ParseUri(options->repository, nullptr).ok());
  Must(options->checkpoint.ttl.count() >= 0 && options->checkpoint.interval.count() >= 0);
  Must(options->checkpoint.keep > 0);
}

void Variables(std::string_view text) {
  MustBeSilent(dr::ExpandVariables(text, Variable), text);
  MustBeSilent(dr::ParseUri(text, Variable), text);
  Must(dr::ExpandVariables(dr::EscapeVariables(text), nullptr).value() == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Configuration(text);
  Variables(text);
  return 0;
}
