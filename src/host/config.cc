#include "dr/config.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "dr/environment/uri.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/base/printable.h"
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

std::string Lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return out;
}

// A whole decimal number that is all of the text. One that begins with 0 might be meant octal.
template <typename Number>
bool ReadNumber(std::string_view text, Number& number) {
  if (text.size() > 1 && text[0] == '0') return false;
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
  std::string_view (*read)(std::string_view value, HostOptions& options);  // what it wants instead
};

constexpr std::string_view kGood = "";
constexpr std::string_view kTime =
    "whole seconds, or a number with ms, s, min, h or d, such as 60 or 5min";

constexpr Key kKeys[] = {
    {"directory",
     [](std::string_view value, HostOptions& options) -> std::string_view {
       options.directory = value;
       if (value.empty()) return "the path of a directory";
       if (value[0] == '~') return "${HOME} for a home directory, or ./~ for a name with a ~";
       if (value.find("://") != value.npos || value.starts_with("file:")) {
         return "a path here, and a URI as the adapter's url";
       }
       return kGood;
     }},
    {"durability",
     [](std::string_view value, HostOptions& options) -> std::string_view {
       const std::string word = Lowered(value);
       options.durability = word == "local" ? Durability::kLocal : Durability::kProcess;
       return word == "local" || word == "process" ? kGood : "local or process";
     }},
    {"segment_bytes",
     [](std::string_view value, HostOptions& options) -> std::string_view {
       std::uint64_t& bytes = options.log.segment_bytes;
       const bool good =
           ReadNumber(value, bytes) && bytes % 4096 == 0 && (bytes == 0 || bytes >= 65536);
       return good ? kGood : "a multiple of 4096 from 65536 on, or 0";
     }},
    {"snapshot_interval",
     [](std::string_view value, HostOptions& options) {
       return ReadTime(value, options.checkpoint.interval) ? kGood : kTime;
     }},
    {"snapshot_on_shutdown",
     [](std::string_view value, HostOptions& options) -> std::string_view {
       const std::string word = Lowered(value);
       options.checkpoint.on_shutdown = word == "true";
       return word == "true" || word == "false" ? kGood : "true or false";
     }},
    {"snapshots_kept",
     [](std::string_view value, HostOptions& options) -> std::string_view {
       const bool good = ReadNumber(value, options.checkpoint.keep) && options.checkpoint.keep > 0;
       return good ? kGood : "a number from 1 on";
     }},
    {"ttl",
     [](std::string_view value, HostOptions& options) {
       return ReadTime(value, options.checkpoint.ttl) ? kGood : kTime;
     }},
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

// What is no text is refused where it stands: YAML::Parser takes some control characters for the
// end of the file, and replaces what is not UTF-8.
absl::Status CheckText(std::string_view text, std::string_view place) {
  std::size_t line = 1, line_begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    const bool is_blank = rest[0] == '\n' || rest[0] == '\t' || rest.starts_with("\r\n");
    const std::size_t bytes = is_blank ? 1 : PrintableBytes(rest);
    if (bytes == 0) {
      return Refuse(fmt::format("{}:{}:{}", place, line, at - line_begin + 1),
                    "a control character, or a byte that is not UTF-8",
                    "write UTF-8 text, and \"\\x1b\" for a control character");
    }
    at += bytes;
    if (rest[0] == '\n') {
      ++line;
      line_begin = at;
    }
  }
  return absl::OkStatus();
}

// Reads a document as YAML::Parser goes through it, since only then each key and value has its own
// place: a node that is used again by an alias has that of its first use. Ends with the settings of
// the section, or with what was wrong first.
class SettingsReader final : public YAML::EventHandler {
 public:
  SettingsReader(std::string_view place, const VariableLookup& variables)
      : place_(place), variables_(variables) {}

  absl::StatusOr<std::vector<Setting>> Read(const std::string& text) {
    std::istringstream stream(text);
    try {
      YAML::Parser parser(stream);
      // A third is not looked for, because some texts contain documents without end.
      if (parser.HandleNextDocument(*this)) parser.HandleNextDocument(*this);
    } catch (const YAML::Exception& error) {
      // What follows a colon quotes the text.
      Fail(error.mark, fmt::format("this is no YAML: {}", error.msg.substr(0, error.msg.find(':'))),
           "mend it there, or just before; blanks indent, tabs do not");
    }
    if (!status_.ok()) return status_;
    if (has_section_) return std::move(settings_);
    return Refuse(place_, fmt::format("the key {} is missing", kSection),
                  fmt::format("write \"{}:\" and its settings beneath", kSection));
  }

 private:
  enum class Kind : std::uint8_t { kNull, kText, kTagged, kList, kMap };
  struct Node {
    Kind kind = Kind::kNull;
    std::string text = {};
    YAML::Mark mark = {};
  };

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) Fail(mark, "a second document begins", "write one");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    On({.mark = mark}, anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const bool has_tag = !tag.empty() && tag != "?" && tag != "!";
    On({.kind = has_tag ? Kind::kTagged : Kind::kText, .text = value, .mark = mark}, anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    On({.kind = Kind::kList, .mark = mark}, anchor);
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    On({.kind = Kind::kMap, .mark = mark}, anchor);
  }
  void OnMapEnd() override { level_ = level_ == Level::kSection ? Level::kRoot : Level::kOutside; }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node again = anchored_[anchor];
    // Its content is not told again.
    if (again.kind == Kind::kMap) again.kind = Kind::kList;
    again.mark = mark;
    On(std::move(again), 0);
  }

  void On(Node node, YAML::anchor_t anchor) {
    if (!status_.ok()) return;
    if (anchor != 0) anchored_[anchor] = node;
    if (level_ == Level::kOutside) {
      if (node.kind == Kind::kMap) level_ = Level::kRoot;
      if (node.kind != Kind::kMap && node.kind != Kind::kNull) NoKeys(node);
    } else if (!key_) {
      OnKey(std::move(node));
    } else {
      const Node key = *std::exchange(key_, std::nullopt);
      if (level_ == Level::kSection) return OnValue(key, node);
      if (node.kind != Kind::kMap) return NoKeys(node);
      level_ = Level::kSection;
      has_section_ = true;
    }
  }

  void OnKey(Node key) {
    if (key.kind != Kind::kText) return Fail(key.mark, "a key is no text", "write key: value");
    const bool in_section = level_ == Level::kSection;
    if (in_section ? std::ranges::find(settings_, key.text, &Setting::key) != settings_.end()
                   : has_section_ && key.text == kSection) {
      return Fail(key.mark, fmt::format("the key {} is given twice", Shown(key.text)),
                  "remove one");
    }
    if (!in_section && key.text != kSection) {
      return Fail(key.mark, fmt::format("the key {} is not known", Shown(key.text)),
                  fmt::format("use {}", kSection));
    }
    key_ = std::move(key);
  }

  void OnValue(const Node& key, const Node& value) {
    const std::string place = fmt::format("{}: {}", At(key.mark), Shown(key.text));
    const auto refuse = [&](std::string_view what, std::string next) {
      status_ = Refuse(place, what, std::move(next));
    };
    if (value.kind == Kind::kNull) {
      return refuse("it has no value", "give one, or remove the key; ~ alone means none");
    }
    if (value.kind != Kind::kText) {
      return refuse("its value is a list, a map or tagged", "give a plain value");
    }
    absl::StatusOr<std::string> expanded = ExpandVariables(value.text, variables_);
    if (!expanded.ok()) {
      status_ = WithPlace(expanded.status(), place);
      return;
    }
    const auto is_control = [](unsigned char c) { return c < ' ' || c == 0x7F; };
    if (std::ranges::any_of(*expanded, is_control) || expanded->starts_with(' ') ||
        expanded->ends_with(' ')) {
      return refuse("its value has a line break, a control character or blanks around it",
                    "write it, and the variables in it, on one line");
    }
    settings_.push_back({.key = key.text, .place = place, .value = *std::move(expanded)});
  }

  void NoKeys(const Node& node) {
    Fail(node.mark, "there are no keys here", "write key: value, indented by blanks, not by tabs");
  }
  void Fail(const YAML::Mark& mark, std::string_view what, std::string next) {
    if (status_.ok()) status_ = Refuse(At(mark), what, std::move(next));
  }
  std::string At(const YAML::Mark& mark) const {
    if (mark.is_null()) return place_;
    return fmt::format("{}:{}:{}", place_, mark.line + 1, mark.column + 1);
  }

  const std::string place_;
  const VariableLookup& variables_;
  absl::Status status_;
  std::vector<Setting> settings_;
  std::map<YAML::anchor_t, Node> anchored_;
  enum class Level : std::uint8_t { kOutside, kRoot, kSection } level_ = Level::kOutside;
  std::optional<Node> key_;  // whose value comes next
  bool has_section_ = false;
  int documents_ = 0;
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
  const std::string scheme = adapter == nullptr ? "" : Lowered(adapter->value);
  const std::string own_url = IsScheme(scheme) ? scheme + "_url" : "<adapter>_url";
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
  if (!IsScheme(scheme)) {
    return Refuse(adapter->place, "its value is no scheme", "write redis, postgres, s3 …");
  }
  if (url == nullptr) {
    return Refuse(adapter->place, "an adapter without a URI", fmt::format("add {}", own_url));
  }
  const absl::StatusOr<Uri> uri = ParseUri(url->value);
  if (!uri.ok()) return WithPlace(uri.status(), url->place);
  if (!uri->scheme.starts_with(scheme)) {
    return Refuse(url->place, "the URI's scheme is not that of the adapter",
                  "change one of them; adapter is what stands before :// in the URI");
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
    if (setting == nullptr) continue;
    const std::string_view wants = key.read(setting->value, options);
    if (wants == kGood) continue;
    return Refuse(setting->place, "its value cannot be that", fmt::format("give {}", wants));
  }
  return options;
}

}  // namespace

absl::StatusOr<HostOptions> ParseHostOptions(std::string_view text, std::string_view place,
                                             const VariableLookup& variables) {
  if (text.size() > kTextBytesMax) {
    return Refuse(place, "it is longer than 64 KiB", "keep other things elsewhere");
  }
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  DR_RETURN_IF_ERROR(CheckText(text, place));
  DR_ASSIGN_OR_RETURN(std::vector<Setting> settings,
                      SettingsReader(place, variables).Read(std::string(text)));
  return OptionsOf(settings, place);
}

absl::StatusOr<HostOptions> LoadHostOptions(const std::string& path, FileSystem* files,
                                            const VariableLookup& variables) {
  PosixFileSystem machine;
  if (files == nullptr) files = &machine;
  DR_ASSIGN_OR_RETURN(const std::string text, files->ReadFile(path, kTextBytesMax + 1));
  return ParseHostOptions(text, path, variables);
}

}  // namespace dr::inline v0
