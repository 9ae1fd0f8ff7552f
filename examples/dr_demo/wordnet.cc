#include "examples/dr_demo/wordnet.h"

#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "fmt/format.h"

namespace demo {
namespace {

struct Part {
  const char* name;
  char type;  // as relations name it
  std::uint32_t digit;
};
constexpr Part kParts[] = {{"noun", 'n', 1}, {"verb", 'v', 2}, {"adj", 'a', 3}, {"adv", 'r', 4}};
constexpr std::uint32_t kOffsets = 100'000'000;

// The words of a line, one after the other; a word that is missing or no number fails the line.
class Line {
 public:
  explicit Line(std::string_view text) : rest_(text) {}

  std::string_view Word() {
    const std::size_t end = rest_.find(' ');
    ok_ = ok_ && end != std::string_view::npos;
    if (!ok_) return {};
    const std::string_view word = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return word;
  }
  std::uint32_t Number(int base = 10) {
    const std::string_view word = Word();
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number, base);
    ok_ = ok_ && error == std::errc() && end == word.data() + word.size();
    return number;
  }
  SynsetId Target() {
    const std::uint32_t offset = Number();
    const std::string_view type = Word();
    for (const Part& part : kParts) {
      if (type.size() == 1 && type[0] == part.type) return part.digit * kOffsets + offset;
    }
    ok_ = false;
    return 0;
  }
  std::string_view rest() const { return rest_; }
  bool ok() const { return ok_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

// offset file type words [word sense]... relations [symbol offset type words]... | gloss
std::optional<Synset> Parse(std::string_view text, const Part& part) {
  Line line(text);
  Synset synset{.id = part.digit * kOffsets + line.Number()};
  line.Word();
  line.Word();
  for (std::uint32_t left = line.Number(16); left > 0 && line.ok(); --left) {
    if (!synset.words.empty()) synset.words += ',';
    synset.words += line.Word();
    line.Word();
  }
  for (std::uint32_t left = line.Number(); left > 0 && line.ok(); --left) {
    Relation& relation = synset.relations.emplace_back();
    relation.symbol = line.Word();
    relation.target = line.Target();
    relation.words = line.Number(16);
  }
  std::string_view gloss = line.rest();
  const std::size_t bar = gloss.find("| ");
  if (!line.ok() || bar == std::string_view::npos) return std::nullopt;
  gloss.remove_prefix(bar + 2);
  gloss = gloss.substr(0, gloss.find_last_not_of(' ') + 1);
  synset.gloss = gloss;
  return synset;
}

absl::Status Load(const std::string& directory, const Part& part, std::vector<Synset>& synsets) {
  const std::string path = fmt::format("{}/data.{}", directory, part.name);
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return absl::NotFoundError(
        fmt::format("{} cannot be read; install the package wordnet-base, or name its directory "
                    "with --wordnet",
                    path));
  }
  std::size_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.starts_with("  ")) continue;  // the licence
    std::optional<Synset> synset = Parse(line, part);
    if (!synset) {
      return absl::InvalidArgumentError(fmt::format(
          "{}:{} is no synset of WordNet 3.0; install the package again", path, number));
    }
    synsets.push_back(*std::move(synset));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<Synset>> LoadWordNet(const std::string& directory) {
  std::vector<Synset> synsets;
  for (const Part& part : kParts) {
    if (absl::Status s = Load(directory, part, synsets); !s.ok()) return s;
  }
  if (synsets.size() >= 1000) return synsets;
  return absl::InvalidArgumentError(fmt::format(
      "{} holds {} meanings and is not WordNet; install wordnet-base", directory, synsets.size()));
}

}  // namespace demo
