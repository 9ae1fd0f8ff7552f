// Components that share a schema, each of which says how to read its older versions.
#include <catch2/catch.hpp>

#include "dr/host.h"
#include "dr/status.h"
#include "tests/support/temp_directory.h"

namespace dr::test {
namespace {

/// A text; each operation adds to it. Version 2 writes records in brackets, version 3 in two.
class Text : public StatefulComponent {
 public:
  Text(std::string id, std::uint32_t version)
      : StatefulComponent(std::move(id), {.name = "text", .version = version}) {}
  absl::Status Add(std::string_view more) { return Commit(more).status(); }
  const std::string& text() const { return text_; }

 protected:
  static absl::Status BracketState(std::string_view record, StateWriter& out) {
    return out.Write("[" + std::string(record) + "]");
  }
  static absl::StatusOr<std::string> BracketOperation(std::string_view op) {
    return "(" + std::string(op) + ")";
  }

 private:
  absl::Status Apply(const Operation& op) override {
    text_ += op.payload;
    return absl::OkStatus();
  }
  absl::Status SaveState(StateWriter& out) const override { return out.Write(text_); }
  absl::Status LoadState(StateReader& in) override {
    text_.clear();
    for (;;) {
      auto record = in.Next();
      if (!record.ok() || !*record) return record.status();
      text_ += **record;
    }
  }
  absl::Status RegisterUpgrades(SchemaUpgrades& registry) const override {
    for (std::uint32_t from = 1; from < schema().version; ++from) {
      const auto state = [](std::string_view record, StateWriter& out) {
        return BracketState(record, out);
      };
      if (absl::Status s = registry.AddStateUpgrade("text", from, state); !s.ok()) return s;
      if (absl::Status s = registry.AddOperationUpgrade("text", from, BracketOperation); !s.ok()) {
        return s;
      }
    }
    return absl::OkStatus();
  }

  std::string text_;
};

/// Leaves the steps to its siblings.
class SilentText final : public Text {
  using Text::Text;
  absl::Status RegisterUpgrades(SchemaUpgrades&) const override { return absl::OkStatus(); }
};

/// Has a step of its own for the same versions, by lambda or by function.
class OtherText final : public Text {
 public:
  OtherText(std::string id, bool lambda) : Text(std::move(id), 2), lambda_(lambda) {}

 private:
  absl::Status RegisterUpgrades(SchemaUpgrades& registry) const override {
    if (lambda_) {
      return registry.AddStateUpgrade("text", 1, [](std::string_view record, StateWriter& out) {
        return out.Write("<" + std::string(record) + ">");
      });
    }
    return registry.AddOperationUpgrade(
        "text", 1, +[](std::string_view op) {
          return absl::StatusOr<std::string>("<" + std::string(op) + ">");
        });
  }

  const bool lambda_;
};

absl::StatusOr<std::unique_ptr<Host>> Open(const TempDirectory& temp,
                                           std::vector<StatefulComponent*> components) {
  return Host::Open({.directory = temp / "state", .components = std::move(components)}, {});
}

void WriteVersion1(const TempDirectory& temp) {
  Text a("a", 1), b("b", 1), c("c", 1);
  auto host = Open(temp, {&a, &b, &c});
  REQUIRE(host.ok());
  for (Text* text : {&a, &b, &c}) REQUIRE(text->Add("x" + text->id()).ok());
  REQUIRE((*host)->Checkpoint().ok());
  for (Text* text : {&a, &b}) REQUIRE(text->Add("y" + text->id()).ok());
}

TEST_CASE("components of one schema upgrade snapshots and operations when its version rises (K2)") {
  TempDirectory temp;
  WriteVersion1(temp);
  SilentText a("a", 2);
  Text b("b", 3), c("c", 2);
  auto host = Open(temp, {&a, &b, &c});
  INFO(host.status());
  REQUIRE(host.ok());
  CHECK(a.text() == "[xa](ya)");
  CHECK(b.text() == "[[xb]]((yb))");
  CHECK(c.text() == "[xc]");
}

TEST_CASE("a step that no component of the schema registers is named at open (K2)") {
  TempDirectory temp;
  WriteVersion1(temp);
  Text a("a", 2), c("c", 2);
  SilentText b("b", 3);
  const absl::Status status = Open(temp, {&a, &b, &c}).status();
  CHECK(absl::IsUnimplemented(status));
  CHECK_THAT(std::string(status.message()), Catch::Contains("from version 2 to 3"));
}

TEST_CASE("components that upgrade one schema by different code are refused by name (K2)") {
  const bool lambda = GENERATE(true, false);
  TempDirectory temp;
  WriteVersion1(temp);
  Text a("a", 2), c("c", 2);
  OtherText b("b", lambda);
  const absl::Status status = Open(temp, {&a, &b, &c}).status();
  CHECK(absl::IsAlreadyExists(status));
  CHECK(FaultOf(status)->place == "text");
  CHECK_THAT(std::string(status.message()),
             Catch::Contains("different") && Catch::Contains("from version 1"));
}

}  // namespace
}  // namespace dr::test
