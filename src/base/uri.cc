#include "dr/environment/uri.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <utility>

#include "absl/functional/function_ref.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0 {
namespace {

constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kDigits = "0123456789";

bool IsOneOf(char c, std::string_view set) { return set.find(c) != set.npos; }
bool IsLower(char c) { return IsOneOf(c, kLower); }
bool IsDigit(char c) { return IsOneOf(c, kDigits); }
char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

std::string Lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), ToLower);
  return out;
}

template <typename Predicate>
bool All(std::string_view text, Predicate predicate) {
  return !text.empty() && std::ranges::all_of(text, predicate);
}

// One part of the text; knows where it came from, for errors.
class Part {
 public:
  explicit Part(std::string_view whole) : whole_(whole.data()), text_(whole) {}

  std::string_view text() const { return text_; }
  bool empty() const { return text_.empty(); }

  // Cuts at the first of `marks` and returns what was before it; this keeps the rest, mark
  // included.
  Part TakeUntil(std::string_view marks) {
    Part taken = *this;
    taken.text_ = text_.substr(0, text_.find_first_of(marks));
    text_.remove_prefix(taken.text_.size());
    return taken;
  }
  bool TakeMark(std::string_view mark) {
    if (!text_.starts_with(mark)) return false;
    text_.remove_prefix(mark.size());
    return true;
  }

  Part From(std::size_t offset) const {
    Part part = *this;
    part.text_.remove_prefix(offset);
    return part;
  }

  absl::Status Refuse(std::string_view rule) const {
    return MakeFault({.kind = FaultKind::kInvalid,
                      .place = "URI",
                      .offset = static_cast<std::uint64_t>(text_.data() - whole_),
                      .next = "write scheme://[user[:password]@]host[:port][/path][?name=value]"},
                     rule);
  }

  absl::StatusOr<std::string> Decode() const;

 private:
  const char* whole_;
  std::string_view text_;
};

absl::StatusOr<std::string> Part::Decode() const {
  std::string out;
  for (std::size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] != '%') {
      out += text_[i];
      continue;
    }
    unsigned char byte = 0;
    const char* digits = text_.data() + i + 1;
    const std::size_t left = text_.size() - i - 1;
    if (left < 2 || std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2 || byte == 0) {
      return Refuse("an escape is not '%' and two hexadecimal digits other than 00");
    }
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

absl::Status ParseUser(Part part, Uri& uri) {
  const Part user = part.TakeUntil(":");
  if (user.empty() && part.empty()) return part.Refuse("'@' without a user");
  DR_ASSIGN_OR_RETURN(uri.user, user.Decode());
  if (!part.TakeMark(":")) return absl::OkStatus();
  if (part.text().find(':') != std::string_view::npos) {
    return part.Refuse("a ':' in a password must be written %3A");
  }
  DR_ASSIGN_OR_RETURN(std::string password, part.Decode());
  uri.password.emplace(password);
  Wipe(password.data(), password.size());
  return absl::OkStatus();
}

absl::StatusOr<std::uint16_t> ParsePort(Part part) {
  const std::string_view text = part.text();
  std::uint16_t port = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), port);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size() || port == 0 ||
      text[0] == '0') {
    return part.Refuse("the port is not a number from 1 to 65535");
  }
  return port;
}

// Its name as it is written.
absl::StatusOr<Uri::Host> ParseHost(Part part) {
  Uri::Host host;
  if (part.TakeMark("[")) {
    const Part address = part.TakeUntil("]");
    auto valid = [](char c) { return IsDigit(c) || IsOneOf(ToLower(c), "abcdef:."); };
    if (!All(address.text(), valid) || !part.TakeMark("]")) {
      return address.Refuse("the address in brackets is not IPv6");
    }
    host.name = address.text();
  } else {
    const Part name = part.TakeUntil(":");
    auto valid = [](char c) { return IsLower(ToLower(c)) || IsDigit(c) || IsOneOf(c, "-._"); };
    if (!name.empty() && !All(name.text(), valid)) {
      return name.Refuse("a host has letters, digits, '-', '.' and '_' only");
    }
    host.name = name.text();
  }
  if (part.empty()) return host;
  if (host.name.empty()) return part.Refuse("a port without a host");
  if (!part.TakeMark(":")) return part.Refuse("something follows the host that is no port");
  DR_ASSIGN_OR_RETURN(host.port, ParsePort(part));
  return host;
}

absl::Status ParseHosts(Part part, Uri& uri) {
  DR_ASSIGN_OR_RETURN(Uri::Host first, ParseHost(part.TakeUntil(",")));
  uri.host = Lowered(first.name);
  uri.port = first.port;
  uri.host_as_written = std::move(first.name);
  while (part.TakeMark(",")) {
    DR_ASSIGN_OR_RETURN(Uri::Host next, ParseHost(part.TakeUntil(",")));
    if (uri.host.empty() || next.name.empty()) return part.Refuse("a list of hosts has a gap");
    uri.more_hosts.push_back({Lowered(next.name), next.port});
  }
  return absl::OkStatus();
}

absl::Status ParseAuthority(Part part, Uri& uri) {
  const std::size_t at = part.text().find('@');
  if (at != std::string_view::npos) {
    if (part.text().find('@', at + 1) != std::string_view::npos) {
      return part.Refuse("an '@' in a user or password must be written %40");
    }
    DR_RETURN_IF_ERROR(ParseUser(part.TakeUntil("@"), uri));
    part.TakeMark("@");
    if (part.empty()) return part.Refuse("a user without a host");
  }
  return ParseHosts(part, uri);
}

absl::Status ParsePath(Part part, Uri& uri) {
  while (part.TakeMark("/")) {
    const Part segment = part.TakeUntil("/");
    DR_ASSIGN_OR_RETURN(std::string name, segment.Decode());
    if (name.empty() && !part.empty()) return segment.Refuse("a path has an empty segment");
    if (name == "." || name == ".." || name.find('/') != name.npos) {
      return segment.Refuse("a path segment is '.', '..' or hides a '/'");
    }
    uri.path += '/';
    uri.path += name;
  }
  return absl::OkStatus();
}

absl::Status ParseQuery(Part part, Uri& uri) {
  do {
    Part pair = part.TakeUntil("&");
    const Part name = pair.TakeUntil("=");
    auto valid = [](char c) { return IsLower(c) || IsDigit(c) || IsOneOf(c, "-._"); };
    if (!All(name.text(), valid)) {
      return name.Refuse(
          "a parameter's name has lower-case letters, digits, '-', '.' and '_' only");
    }
    if (!pair.TakeMark("=")) return name.Refuse("a parameter has no value");
    if (uri.Find(name.text())) return name.Refuse("a parameter is given twice");
    DR_ASSIGN_OR_RETURN(std::string value, pair.Decode());
    uri.query.push_back({.name = std::string(name.text()), .value = std::move(value)});
  } while (part.TakeMark("&"));
  return absl::OkStatus();
}

// By its name, or because it is a URI with a user of its own.
bool MayBeSecret(std::string_view name, std::string_view value) {
  constexpr std::array<std::string_view, 8> kWords = {"pass", "pwd",        "secret", "token",
                                                      "key",  "credential", "auth",   "sig"};
  return value.find('@') != value.npos ||
         std::ranges::any_of(kWords, [&](auto word) { return name.find(word) != name.npos; });
}

std::string Escaped(std::string_view text, std::string_view plain) {
  std::string out;
  for (char c : text) {
    if (IsLower(ToLower(c)) || IsDigit(c) || IsOneOf(c, plain)) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

// Values of parameters that are not `known` are hidden, because they may be secrets.
std::string Shown(const Uri& uri, absl::FunctionRef<bool(std::string_view name)> known) {
  constexpr std::string_view kPlain = "-._~";
  constexpr std::string_view kHidden = "***";
  std::string out = fmt::format("{}://", uri.scheme);
  if (uri.password) {
    out += fmt::format("{}:{}@", Escaped(uri.user, kPlain), kHidden);
  } else if (!uri.user.empty()) {
    out += fmt::format("{}@", kHidden);
  }
  const auto show = [&](std::string_view name, const std::optional<std::uint16_t>& port) {
    out += name.find(':') == name.npos ? std::string(name) : fmt::format("[{}]", name);
    if (port) out += fmt::format(":{}", *port);
  };
  show(uri.host, uri.port);
  for (const Uri::Host& host : uri.more_hosts) {
    out += ',';
    show(host.name, host.port);
  }
  out += Escaped(uri.path, "-._~/");
  char mark = '?';
  for (const auto& [name, value] : uri.query) {
    const bool hide = !known(name) || MayBeSecret(name, value);
    out += fmt::format("{}{}={}", std::exchange(mark, '&'), name,
                       hide ? std::string(kHidden) : Escaped(value, "-._~/:"));
  }
  return out;
}

}  // namespace

std::optional<std::string_view> Uri::Find(std::string_view name) const {
  const auto it = std::ranges::find(query, name, &Parameter::name);
  if (it == query.end()) return std::nullopt;
  return it->value;
}

absl::Status Uri::CheckParameters(std::initializer_list<std::string_view> known,
                                  Hosts hosts) const {
  const auto is_known = [&](std::string_view name) {
    return std::ranges::find(known, name) != known.end();
  };
  if (hosts == Hosts::kOne && !more_hosts.empty()) {
    return MakeFault({.kind = FaultKind::kInvalid,
                      .place = Shown(*this, is_known),
                      .next = "name one host; others are a parameter where the scheme has one"},
                     "a list of hosts has no meaning here");
  }
  for (const Parameter& parameter : query) {
    if (is_known(parameter.name)) continue;
    return MakeFault(
        {.kind = FaultKind::kInvalid,
         .place = Shown(*this, is_known),
         .next = known.size() == 0 ? "remove it" : fmt::format("use {}", fmt::join(known, ", "))},
        fmt::format("the parameter {} is not known here", parameter.name));
  }
  return absl::OkStatus();
}

absl::Status Uri::CheckLocal() const {
  if (host.empty() && !port && user.empty() && !password && !path.empty()) return absl::OkStatus();
  return Refuse("it has a path and no host", fmt::format("write {}:///and/then/the/path", scheme));
}

absl::StatusOr<std::int64_t> Uri::Number(std::string_view name, std::int64_t otherwise,
                                         Bounds bounds) const {
  const std::optional<std::string_view> text = Find(name);
  if (!text) return otherwise;
  std::int64_t number = 0;
  const char* const end = text->data() + text->size();
  const auto [stopped, error] = std::from_chars(text->data(), end, number);
  if (error == std::errc() && stopped == end && number >= bounds.min && number <= bounds.max) {
    return number;
  }
  return Refuse(fmt::format("{} is not a number from {} to {}", name, bounds.min, bounds.max),
                fmt::format("write {}={}", name, otherwise));
}

absl::StatusOr<std::string_view> Uri::Word(std::string_view name,
                                           std::initializer_list<std::string_view> words) const {
  const std::string_view word = Find(name).value_or(*words.begin());
  if (std::ranges::find(words, word) != words.end()) return word;
  return Refuse(fmt::format("{} has another value than those that are known", name),
                fmt::format("write one of {}", fmt::join(words, ", ")));
}

absl::Status Uri::Refuse(std::string_view what, std::string_view next) const {
  return MakeFault({.kind = FaultKind::kInvalid, .place = Redacted(), .next = std::string(next)},
                   what);
}

std::string Uri::Redacted() const {
  return Shown(*this, [](std::string_view) { return true; });
}

absl::StatusOr<Uri> ParseUri(std::string_view text) {
  constexpr std::size_t kUriBytesMax = 4096;
  Part rest(text);
  if (text.size() > kUriBytesMax) return rest.Refuse("longer than 4096 bytes");
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] <= ' ' || text[i] >= 0x7F) {
      return rest.From(i).Refuse(
          "blanks, line breaks, control and non-ASCII characters must be escaped as %XX");
    }
    if (text[i] == '#') {
      return rest.From(i).Refuse("a '#' must be written %23; a fragment has no meaning");
    }
  }
  Uri uri;
  const Part scheme = rest.TakeUntil(":");
  auto valid = [](char c) { return IsLower(ToLower(c)) || IsDigit(c) || IsOneOf(c, "+-."); };
  if (!All(scheme.text(), valid) || IsDigit(scheme.text()[0]) || !rest.TakeMark("://")) {
    return scheme.Refuse("it does not begin with scheme://");
  }
  uri.scheme = Lowered(scheme.text());
  DR_RETURN_IF_ERROR(ParseAuthority(rest.TakeUntil("/?"), uri));
  // Otherwise an unescaped '/' or '?' in a password would make its end a path, to be shown.
  if (rest.text().find('@') != std::string_view::npos) {
    return rest.Refuse("an '@' behind the host must be written %40");
  }
  DR_RETURN_IF_ERROR(ParsePath(rest.TakeUntil("?"), uri));
  if (uri.host.empty() && uri.path.empty()) return rest.Refuse("neither host nor path");
  if (rest.TakeMark("?")) DR_RETURN_IF_ERROR(ParseQuery(rest, uri));
  return uri;
}

absl::StatusOr<Uri> ParseUri(std::string_view text, const VariableLookup& variables) {
  absl::StatusOr<std::string> expanded = ExpandVariables(text, variables);
  if (!expanded.ok()) return WithPlace(expanded.status(), "URI");
  absl::StatusOr<Uri> uri = ParseUri(*expanded);
  Wipe(expanded->data(), expanded->size());
  return uri;
}

}  // namespace dr::inline v0
