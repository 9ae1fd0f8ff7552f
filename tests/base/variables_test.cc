#include "dr/environment/variables.h"

#include <stdlib.h>

#include <map>

#include "catch2/catch.hpp"
#include "dr/status.h"

namespace {

using Values = std::map<std::string, std::string, std::less<>>;

absl::StatusOr<std::string> Expand(std::string_view text, const Values& values = {}) {
  return dr::ExpandVariables(text, [&](std::string_view name) -> std::optional<std::string> {
    const auto it = values.find(name);
    return it == values.end() ? std::nullopt : std::optional(it->second);
  });
}

TEST_CASE("A variable stands for its value, and the rest of the text for itself") {
  const Values values = {{"A", "1"}, {"_b2", "two"}, {"EMPTY", ""}};
  CHECK(*Expand("", values) == "");
  CHECK(*Expand("x{y}:-z", values) == "x{y}:-z");
  CHECK(*Expand("${A}", values) == "1");
  CHECK(*Expand("<${A}${_b2}|${EMPTY}>", values) == "<1two|>");
  CHECK(*Expand("$$", values) == "$");
  CHECK(*Expand("$${A}$$$$", values) == "${A}$$");
}

TEST_CASE("A default stands in where a variable is not set or empty") {
  const Values values = {{"A", "1"}, {"B", "2"}, {"EMPTY", ""}};
  CHECK(*Expand("${A:-x}${NO:-x}${EMPTY:-y}${NO:-}", values) == "1xy");
  CHECK(*Expand("${NO:-${B}}", values) == "2");
  CHECK(*Expand("${A:-${B}}", values) == "1");
  CHECK(*Expand("${NO:-${EMPTY:-<${B}>}}!", values) == "<2>!");
  CHECK(*Expand("${NO:-redis://${H:-localhost}:${P:-6379}/$$}", values) ==
        "redis://localhost:6379/$");
}

TEST_CASE("What is not used is not looked up, and need not be set") {
  CHECK(*Expand("${A:-${NO}}", {{"A", "1"}}) == "1");
  CHECK(*Expand("${A:-${NO:-${NEITHER}}}", {{"A", "1"}}) == "1");
}

TEST_CASE("Values are not looked into") {
  CHECK(*Expand("${A}", {{"A", "$$ ${B} ${ } $"}, {"B", "2"}}) == "$$ ${B} ${ } $");
  CHECK(*Expand("${NO:-${A}}", {{"A", "${B}}"}, {"B", "2"}}) == "${B}}");
}

TEST_CASE("A variable that is not set is an error that names it, or all that were tried") {
  const absl::Status one = Expand("hunter2 ${URL} x", {}).status();
  CHECK(one.code() == absl::StatusCode::kInvalidArgument);
  CHECK_THAT(std::string(one.message()), Catch::Contains("the variable URL is not set"));
  CHECK(dr::FaultOf(one)->offset == 8);
  const absl::Status two = Expand("${A:-hunter2${B:-${C}}}", {{"A", ""}}).status();
  CHECK_THAT(std::string(two.message()), Catch::Contains("of the variables A, B, C none has"));
  CHECK_THAT(std::string(Expand("${A:-x}${C}", {}).status().message()),
             Catch::Contains("the variable C is not set"));
  CHECK_FALSE(dr::ExpandVariables("${A}", nullptr).ok());
  for (const absl::Status& status : {one, two}) {
    CHECK_THAT(std::string(status.message()), !Catch::Contains("hunter2"));
  }
}

TEST_CASE("A dollar that begins nothing known is refused, with its place and without the text") {
  const std::pair<std::string_view, std::uint64_t> refused[] = {
      {"hunter2$", 7},     {"hunter2$A", 7},      {"${hunter2", 0},
      {"${}", 0},          {"${ A}", 0},          {"${1A}", 0},
      {"${A-hunter2}", 0}, {"${A:=hunter2}", 0},  {"${A:?hunter2}", 0},
      {"${A:hunter2}", 0}, {"${A:-hunter2", 0},   {"${A:-${B}", 0},
      {"$(A)", 0},         {"${A:-$hunter2}", 5}, {"${NO:-${B:+hunter2}}", 6},
      {"$ {A}", 0},
  };
  for (const auto& [text, offset] : refused) {
    INFO(text);
    const absl::Status status = Expand(text, {{"A", "1"}, {"B", "2"}}).status();
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    REQUIRE(dr::FaultOf(status));
    CHECK(dr::FaultOf(status)->offset == offset);
    CHECK_THAT(std::string(status.message()), !Catch::Contains("hunter2"));
  }
}

TEST_CASE("F6: Defaults within defaults end somewhere") {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "${NO:-";
  CHECK(Expand(text).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(*Expand("${A:-${A:-${A:-${A:-${A:-${A:-${A:-${A:-x}}}}}}}}") == "x");
}

TEST_CASE("Any text comes back from its escaped form") {
  for (std::string_view text : {"", "$", "a$b${C}$$", "no dollar"}) {
    CHECK(*Expand(dr::EscapeVariables(text)) == text);
  }
}

TEST_CASE("The process's variables can be told from those that are empty or not set") {
  setenv("DR_VARIABLES_TEST", "", 1);
  CHECK(dr::ProcessVariable("DR_VARIABLES_TEST") == "");
  setenv("DR_VARIABLES_TEST", "value", 1);
  CHECK(dr::ProcessVariable("DR_VARIABLES_TEST") == "value");
  unsetenv("DR_VARIABLES_TEST");
  CHECK_FALSE(dr::ProcessVariable("DR_VARIABLES_TEST"));
}

}  // namespace
