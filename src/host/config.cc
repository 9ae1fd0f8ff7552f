#include "dr/config.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "dr/status.h"
#include "dr/uri.h"
#include "fmt/format.h"
#include "src/base/status_macros.h"
#include "yaml-cpp/eventhandler.h"
#include "yaml-cpp/yaml.h"

namespace dr::inline v0 {
namespace {

constexpr std::size_t kTextBytesMax = 64 << 10;
constexpr std::string_view kSection = "state_persistence";

struct Setting {
  std::string key;
  std::string place;  // file:line:column: key
  std::string value;  // with variables replaced
};

// A whole decimal number that is all of the text.
template <typename Number>
bool ReadNumber(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

bool ReadTime(std::string_view text, std::chrono::nanoseconds& time) {
  using std::chrono::nanoseconds;
  const std::pair<std::string_view, nanoseconds> units[] = {
      {"ms", std::chrono::milliseconds(1)}, {"s", std::chrono::seconds(1)},
      {"min", std::chrono::minutes(1)},     {"h", std::chrono::hours(1)},
      {"d", std::chrono::hours(24)},        {"", std::chrono::seconds(1)}};
  constexpr nanoseconds kMax = std::chrono::hours(24 * 365 * 100);
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  std::int64_t number = 0;
  if (!ReadNumber(text.substr(0, digits), number)) return false;
  for (const auto& [name, unit] : units) {
    if (text.substr(digits) != name) continue;
    time = number <= kMax / unit ? number * unit : nanoseconds(-1);
    return time.count() >= 0;
  }
  return false;
}

struct Key {
  std::string_view name;
  bool (*read)(std::string_view value, HostOptions& options);
  std::string_view wants;
};

constexpr std::string_view kTime = "whole seconds, or a number with ms, s, min, h or d";

constexpr Key kKeys[] = {
    {"directory",
     [](std::string_view value, HostOptions& options) {
       options.directory = value;
       return !value.empty() && value.find('\0') == value.npos;
     },
     "the path of a directory"},
    {"durability",
     [](std::string_view value, HostOptions& options) {
       options.durability = value == "local" ? Durability::kLocal : Durability::kProcess;
       return value == "local" || value == "process";
     },
     "local or process"},
    {"segment_bytes",
     [](std::string_view value, HostOptions& options) {
       std::uint64_t& bytes = options.log.segment_bytes;
       return ReadNumber(value, bytes) && bytes % 4096 == 0 && (bytes == 0 || bytes >= 65536);
     },
     "a multiple of 4096 from 65536 on, or 0"},
    {"snapshot_interval",
     [](std::string_view value, HostOptions& options) {
       return ReadTime(value, options.checkpoint.interval);
     },
     kTime},
    {"snapshot_on_shutdown",
     [](std::string_view value, HostOptions& options) {
       options.checkpoint.on_shutdown = value == "true";
       return value == "true" || value == "false";
     },
     "true or false"},
    {"snapshots_kept",
     [](std::string_view value, HostOptions& options) {
       return ReadNumber(value, options.checkpoint.keep) && options.checkpoint.keep > 0;
     },
     "a number from 1 on"},
    {"ttl",
     [](std::string_view value, HostOptions& options) {
       return ReadTime(value, options.checkpoint.ttl);
     },
     kTime},
};

absl::Status Refuse(std::string_view place, std::string_view what, std::string next) {
  return MakeFault(
      {.kind = FaultKind::kInvalid, .place = std::string(place), .next = std::move(next)}, what);
}

// Only what looks like a key is shown: it might be a value in the wrong place.
std::string Shown(const std::string& key) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  const bool plain = key.size() <= 40 && key.find_first_not_of(kLetters) == key.npos;
  return plain && !key.empty() ? key : "of other characters";
}

// Where a document begins; all else that happens in it is for another.
class DocumentStart final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override { mark_ = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

  const YAML::Mark& mark() const { return mark_; }

 private:
  YAML::Mark mark_ = {};
};

// YAML::Load leaves all behind the first unread, and YAML::LoadAll never ends on some texts.
std::optional<YAML::Mark> SecondDocument(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentStart start;
  if (!parser.HandleNextDocument(start) || !parser.HandleNextDocument(start)) return std::nullopt;
  return start.mark();
}

class Document {
 public:
  Document(std::string_view place, const VariableLookup& variables)
      : place_(place), variables_(variables) {}

  absl::StatusOr<std::vector<Setting>> Read(std::string_view text) const {
    try {
      const std::optional<YAML::Mark> second = SecondDocument(std::string(text));
      if (second) return Refuse(At(*second), "a second document begins", "write one");
      return ReadRoot(YAML::Load(std::string(text)));
    } catch (const YAML::Exception& error) {
      // What follows a colon quotes the text.
      return Refuse(At(error.mark),
                    fmt::format("this is no YAML: {}", error.msg.substr(0, error.msg.find(':'))),
                    "mend it");
    }
  }

 private:
  std::string At(const YAML::Mark& mark) const {
    if (mark.is_null()) return place_;
    return fmt::format("{}:{}:{}", place_, mark.line + 1, mark.column + 1);
  }

  absl::StatusOr<std::vector<Setting>> ReadRoot(const YAML::Node& root) const {
    const std::string missing = fmt::format("the key {} is missing", kSection);
    const std::string next = fmt::format("write \"{}:\" and its settings beneath", kSection);
    if (root.IsNull()) return Refuse(place_, missing, next);
    DR_ASSIGN_OR_RETURN(auto entries, Entries(root));
    for (const auto& [key, value] : entries) {
      if (key == kSection) continue;
      return Refuse(At(value.first.Mark()), fmt::format("the key {} is not known", Shown(key)),
                    fmt::format("use {}", kSection));
    }
    if (entries.empty()) return Refuse(place_, missing, next);
    return ReadSection(entries[0].second.second);
  }

  absl::StatusOr<std::vector<Setting>> ReadSection(const YAML::Node& section) const {
    std::vector<Setting> settings;
    DR_ASSIGN_OR_RETURN(auto entries, Entries(section));
    for (const auto& [key, node] : entries) {
      const YAML::Node& value = node.second;
      const std::string place = fmt::format("{}: {}", At(node.first.Mark()), Shown(key));
      if (value.IsNull()) return Refuse(place, "it has no value", "give one, or remove the key");
      const bool has_tag = !value.Tag().empty() && value.Tag() != "?" && value.Tag() != "!";
      if (!value.IsScalar() || has_tag) {
        return Refuse(place, "its value is a list, a map or tagged", "give a plain value");
      }
      absl::StatusOr<std::string> expanded = ExpandVariables(value.Scalar(), variables_);
      if (!expanded.ok()) return WithPlace(expanded.status(), place);
      settings.push_back({.key = key, .place = place, .value = *std::move(expanded)});
    }
    return settings;
  }

  using Entry = std::pair<std::string, std::pair<YAML::Node, YAML::Node>>;

  // Of a map, whose keys are text and differ.
  absl::StatusOr<std::vector<Entry>> Entries(const YAML::Node& map) const {
    if (!map.IsMap()) return Refuse(At(map.Mark()), "there are no keys here", "write key: value");
    std::vector<Entry> entries;
    for (const auto& entry : map) {
      if (!entry.first.IsScalar()) {
        return Refuse(At(entry.first.Mark()), "a key is no text", "write key: value");
      }
      const std::string& key = entry.first.Scalar();
      if (std::ranges::find(entries, key, &Entry::first) != entries.end()) {
        return Refuse(At(entry.first.Mark()), fmt::format("the key {} is given twice", Shown(key)),
                      "remove one");
      }
      entries.emplace_back(key, std::pair(entry.first, entry.second));
    }
    return entries;
  }

  const std::string place_;
  const VariableLookup& variables_;
};

const Setting* Find(const std::vector<Setting>& settings, std::string_view key) {
  const auto it = std::ranges::find(settings, key, &Setting::key);
  return it == settings.end() ? nullptr : &*it;
}

bool IsScheme(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") == text.npos;
}

// What is known depends on the adapter: its name is in one key.
absl::Status CheckKeys(const std::vector<Setting>& settings, std::string_view own_url) {
  std::vector<std::string> known = {"adapter", "url", std::string(own_url)};
  for (const Key& key : kKeys) known.emplace_back(key.name);
  for (const Setting& setting : settings) {
    if (std::ranges::find(known, setting.key) != known.end()) continue;
    return Refuse(setting.place, "the key is not known",
                  fmt::format("use {}", fmt::join(known, ", ")));
  }
  return absl::OkStatus();
}

absl::Status ReadStore(const std::vector<Setting>& settings, HostOptions& options) {
  const Setting* adapter = Find(settings, "adapter");
  const std::string own_url = adapter != nullptr && IsScheme(adapter->value)
                                  ? fmt::format("{}_url", adapter->value)
                                  : "<adapter>_url";
  DR_RETURN_IF_ERROR(CheckKeys(settings, own_url));
  const Setting* url = Find(settings, "url");
  const Setting* second = Find(settings, own_url);
  if (url != nullptr && second != nullptr) {
    return Refuse(second->place, "the store's URI is given twice", "remove one");
  }
  if (url == nullptr) url = second;
  if (adapter == nullptr) {
    if (url == nullptr) return absl::OkStatus();
    return Refuse(url->place, "a store without an adapter", "add adapter, the URI's scheme");
  }
  if (!IsScheme(adapter->value)) {
    return Refuse(adapter->place, "its value is no scheme", "write redis, postgres, s3 …");
  }
  if (url == nullptr) {
    return Refuse(adapter->place, "an adapter without a URI", fmt::format("add {}", own_url));
  }
  const absl::StatusOr<Uri> uri = ParseUri(url->value);
  if (!uri.ok()) return WithPlace(uri.status(), url->place);
  if (!uri->scheme.starts_with(adapter->value)) {
    return Refuse(url->place, "the URI's scheme is not that of the adapter", "change one of them");
  }
  options.repository = EscapeVariables(url->value);
  return absl::OkStatus();
}

absl::StatusOr<HostOptions> OptionsOf(const std::vector<Setting>& settings,
                                      std::string_view place) {
  HostOptions options;
  DR_RETURN_IF_ERROR(ReadStore(settings, options));
  if (Find(settings, "directory") == nullptr) {
    if (options.repository.empty()) {
      return Refuse(place, "nothing says where the state is kept",
                    "add adapter and its URI, or directory");
    }
    options.durability = Durability::kProcess;
  }
  for (const Key& key : kKeys) {
    const Setting* setting = Find(settings, key.name);
    if (setting == nullptr || key.read(setting->value, options)) continue;
    return Refuse(setting->place, "its value cannot be that", fmt::format("give {}", key.wants));
  }
  return options;
}

}  // namespace

absl::StatusOr<HostOptions> ParseHostOptions(std::string_view text, std::string_view place,
                                             const VariableLookup& variables) {
  if (text.size() > kTextBytesMax) {
    return Refuse(place, "it is longer than 64 KiB", "keep other things elsewhere");
  }
  DR_ASSIGN_OR_RETURN(std::vector<Setting> settings, Document(place, variables).Read(text));
  return OptionsOf(settings, place);
}

absl::StatusOr<HostOptions> LoadHostOptions(const std::string& path, FileSystem* files,
                                            const VariableLookup& variables) {
  PosixFileSystem machine;
  if (files == nullptr) files = &machine;
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == path.npos ? "." : path.substr(0, slash + 1);
  DR_ASSIGN_OR_RETURN(std::unique_ptr<Directory> directory,
                      files->OpenDirectory(folder, Create::kNever));
  DR_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                      directory->Open(slash == path.npos ? path : path.substr(slash + 1), {}));
  std::string text(kTextBytesMax + 1, '\0');
  DR_ASSIGN_OR_RETURN(std::size_t read, file->ReadAt(0, text));
  text.resize(read);
  return ParseHostOptions(text, path, variables);
}

}  // namespace dr::inline v0
