#include "adapters/s3/profile.h"

#include <cstdlib>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0 {
namespace {

constexpr std::size_t kFileBytesMax = 1 << 20;

std::string_view Trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") + 1 - begin);
}

bool IsHeaderOf(std::string_view line, std::string_view name) {
  if (!line.ends_with(']')) return false;
  line = Trimmed(line.substr(1, line.size() - 2));
  if (line == name) return true;
  constexpr std::string_view kWord = "profile ";
  return line.starts_with(kWord) && Trimmed(line.substr(kWord.size())) == name;
}

std::string_view FirstOf(std::initializer_list<std::string_view> texts) {
  for (std::string_view text : texts) {
    if (!text.empty()) return text;
  }
  return {};
}

absl::StatusOr<std::optional<S3Settings>> ReadSettings(FileSystem& files, const std::string& path,
                                                       std::string_view name) {
  DR_ASSIGN_OR_RETURN(std::string text, files.ReadFile(path, kFileBytesMax + 1));
  if (text.size() > kFileBytesMax) {
    return MakeFault({.kind = FaultKind::kLimit, .place = path, .next = "name another file"},
                     "the shared file is longer than 1 MiB");
  }
  std::optional<S3Settings> settings = ParseAwsProfile(text, name);
  Wipe(text.data(), text.size());
  return settings;
}

}  // namespace

std::string_view AwsVariable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

std::optional<S3Settings> ParseAwsProfile(std::string_view text, std::string_view name) {
  std::optional<S3Settings> found;
  bool is_inside = false, may_nest = false;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view whole = text.substr(0, end), line = Trimmed(whole);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      is_inside = IsHeaderOf(line, name);
      if (is_inside && !found) found.emplace();
      continue;
    }
    const bool is_nested = may_nest && (whole[0] == ' ' || whole[0] == '\t');
    const std::size_t equals = line.find('=');
    if (!is_inside || is_nested || equals == line.npos) continue;
    const std::string_view value = Trimmed(line.substr(equals + 1));
    may_nest = value.empty();  // what follows, further in, is of this one
    found->insert_or_assign(std::string(Trimmed(line.substr(0, equals))), Secret(value));
  }
  return found;
}

std::string_view AwsProfile::Find(std::string_view setting) const {
  const auto found = settings.find(setting);
  return found == settings.end() ? std::string_view() : found->second.Reveal();
}

AwsProfile ReadAwsProfile(FileSystem& files, std::string_view name) {
  const std::string home = fmt::format("{}/.aws", AwsVariable("HOME"));
  const auto path = [&](const char* variable, std::string_view file) {
    const std::string_view given = AwsVariable(variable);
    return given.empty() ? fmt::format("{}/{}", home, file) : std::string(given);
  };
  AwsProfile profile{.name = std::string(FirstOf({name, AwsVariable("AWS_PROFILE"),
                                                  AwsVariable("AWS_DEFAULT_PROFILE"), "default"})),
                     .place = path("AWS_SHARED_CREDENTIALS_FILE", "credentials")};
  for (const std::string& file : {profile.place, path("AWS_CONFIG_FILE", "config")}) {
    auto settings = ReadSettings(files, file, profile.name);
    if (!settings.ok()) {
      if (file == profile.place) profile.unread = settings.status();
    } else if (*settings) {
      profile.is_there = true;
      profile.settings.merge(**settings);  // keeps what is there already
    }
  }
  return profile;
}

}  // namespace dr::inline v0
