#include "dr/environment/variables.h"

#include <cstdlib>
#include <utility>
#include <vector>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0 {
namespace {

constexpr std::size_t kDepthMax = 8;  // of defaults within defaults
constexpr std::string_view kNameLetters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

class Expansion {
 public:
  Expansion(std::string_view text, const VariableLookup& variables)
      : text_(text), variables_(variables) {}

  absl::StatusOr<std::string> Run() {
    std::string out;
    DR_RETURN_IF_ERROR(Text(&out, ""));
    return out;
  }

 private:
  // Up to one of `ends`, or to the end of all. Without `out` nothing is looked up.
  absl::Status Text(std::string* out, std::string_view ends) {
    while (at_ < text_.size() && ends.find(text_[at_]) == ends.npos) {
      if (text_[at_] != '$') {
        if (out != nullptr) *out += text_[at_];
        ++at_;
      } else if (Take("$$")) {
        if (out != nullptr) *out += '$';
      } else {
        DR_RETURN_IF_ERROR(Variable(out));
      }
    }
    return absl::OkStatus();
  }

  absl::Status Variable(std::string* out) {
    const std::size_t begin = at_;
    if (!Take("${")) return Refuse(begin, "a '$' begins no variable");
    const std::string_view name =
        text_.substr(at_, text_.find_first_not_of(kNameLetters, at_) - at_);
    at_ += name.size();
    if (name.empty() || (name[0] >= '0' && name[0] <= '9')) {
      return Refuse(begin, "a variable's name has letters, digits and '_', no digit first");
    }
    const bool has_default = Take(":-");
    if (!has_default && !Take("}")) return Unended(begin);
    std::optional<std::string> value;
    if (out != nullptr) value = variables_ ? variables_(name) : std::nullopt;
    if (!has_default) {
      if (out == nullptr) return absl::OkStatus();
      if (!value) return NotSet(begin, name);
      *out += *value;
      return absl::OkStatus();
    }
    const bool is_default_used = out != nullptr && (!value || value->empty());
    if (without_value_.size() == kDepthMax) return Refuse(begin, "too many defaults in defaults");
    without_value_.emplace_back(name);
    DR_RETURN_IF_ERROR(Text(is_default_used ? out : nullptr, "}"));
    without_value_.pop_back();
    if (!Take("}")) return Unended(begin);
    if (out != nullptr && !is_default_used) *out += *value;
    return absl::OkStatus();
  }

  bool Take(std::string_view mark) {
    if (!text_.substr(at_).starts_with(mark)) return false;
    at_ += mark.size();
    return true;
  }

  absl::Status NotSet(std::size_t offset, std::string_view name) {
    const std::string what = without_value_.empty()
                                 ? fmt::format("the variable {} is not set", name)
                                 : fmt::format("of the variables {}, {} none has a value",
                                               fmt::join(without_value_, ", "), name);
    return MakeFault({.kind = FaultKind::kInvalid,
                      .place = "text",
                      .offset = offset,
                      .next = "set it, or write ${NAME:-default}"},
                     what);
  }

  static absl::Status Unended(std::size_t offset) {
    return Refuse(offset, "a variable's name ends with '}' or with ':-' and a default");
  }

  static absl::Status Refuse(std::size_t offset, std::string_view rule) {
    return MakeFault({.kind = FaultKind::kInvalid,
                      .place = "text",
                      .offset = offset,
                      .next = "write ${NAME} or ${NAME:-default}, and $$ for a '$' itself"},
                     rule);
  }

  const std::string_view text_;
  const VariableLookup& variables_;
  std::size_t at_ = 0;
  std::vector<std::string> without_value_ = {};  // those whose defaults are being read
};

}  // namespace

std::optional<std::string> ProcessVariable(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

absl::StatusOr<std::string> ExpandVariables(std::string_view text,
                                            const VariableLookup& variables) {
  return Expansion(text, variables).Run();
}

std::string EscapeVariables(std::string_view text) {
  std::string escaped;
  for (char c : text) escaped.append(c == '$' ? 2 : 1, c);
  return escaped;
}

}  // namespace dr::inline v0
