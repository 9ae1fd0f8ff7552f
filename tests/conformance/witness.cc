#include "tests/conformance/witness.h"

#include <optional>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::test {
namespace {

constexpr std::chrono::seconds kGrace(15);
constexpr std::chrono::seconds kUntilItAnswers(60);

absl::Status Broken(const std::string& what) { return absl::InternalError(AsAbsl(what)); }

bool IsTrouble(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

std::string ValueOf(int number) {
  std::string value;
  for (int i = 0; i < 500; ++i) value += fmt::format("{:08}", number);
  return value;
}

// None: it is torn.
std::optional<int> NumberOf(const std::string& value) {
  const int number = std::atoi(value.substr(0, 8).c_str());
  return value == ValueOf(number) ? std::optional(number) : std::nullopt;
}

}  // namespace

Context Witness::Patience() const { return {.deadline = clock_.Now() + patience_}; }

std::string Witness::Created(int number) const { return fmt::format("{}c{:06}", prefix_, number); }

absl::Status Witness::InTime(Instant begin) {
  const auto took = clock_.Now() - begin;
  if (took < patience_ + kGrace) return absl::OkStatus();
  return Broken(fmt::format("a call with {} ms took {} ms", patience_.count(),
                            std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
}

absl::StatusOr<Witness::Outcome> Witness::Put(const std::string& key, int number,
                                              const PutOptions& options) {
  const Instant begin = clock_.Now();
  const absl::StatusOr<Version> put = store_.Put(key, ValueOf(number), options, Patience());
  DR_RETURN_IF_ERROR(InTime(begin));
  if (put.ok()) {
    ++acknowledged_;
    put_ = *put;
    return Outcome::kHappened;
  }
  if (absl::IsAborted(put.status()) || absl::IsAlreadyExists(put.status())) {
    return Outcome::kLostRace;
  }
  ++disturbed_;
  if (absl::IsUnknown(put.status())) return Outcome::kOpen;
  if (IsTrouble(put.status())) return Outcome::kNot;
  return put.status();
}

absl::Status Witness::Begin() {
  value_ = ++number_;
  DR_ASSIGN_OR_RETURN(version_, store_.Put(prefix_ + "one", ValueOf(value_),
                                           {.condition = PutCondition::kIfAbsent}, {}));
  return absl::OkStatus();
}

absl::Status Witness::Step() {
  if (to_be_read_) return Read();
  return number_ % 4 == 3 ? Create() : Replace();
}

absl::Status Witness::Replace() {
  const int number = ++number_;
  DR_ASSIGN_OR_RETURN(
      Outcome outcome,
      Put(prefix_ + "one", number, {.condition = PutCondition::kIfVersion, .version = version_}));
  if (outcome == Outcome::kHappened) {
    value_ = number;
    version_ = put_;
    open_.clear();
  }
  if (outcome == Outcome::kOpen) open_.insert(number);
  if (outcome == Outcome::kLostRace && open_.empty()) {
    return Broken(fmt::format("{} lost a race that nobody ran", number));
  }
  to_be_read_ = outcome == Outcome::kOpen || outcome == Outcome::kLostRace;
  return absl::OkStatus();
}

absl::Status Witness::Create() {
  const int number = ++number_;
  DR_ASSIGN_OR_RETURN(Outcome outcome,
                      Put(Created(number), number, {.condition = PutCondition::kIfAbsent}));
  if (outcome == Outcome::kLostRace) return Broken("a key that nobody had made was there");
  if (outcome != Outcome::kNot) created_[number] = outcome == Outcome::kHappened;
  return absl::OkStatus();
}

absl::Status Witness::Read() {
  const Instant begin = clock_.Now();
  const absl::StatusOr<Item> item = store_.Get(prefix_ + "one", Patience());
  DR_RETURN_IF_ERROR(InTime(begin));
  if (IsTrouble(item.status())) {
    ++disturbed_;
    return absl::OkStatus();
  }
  if (!item.ok()) return Broken(fmt::format("{} is lost: {}", value_, item.status().ToString()));
  const std::optional<int> found = NumberOf(item->value);
  if (!found) return Broken("a value is torn");
  if (*found == value_ && item->version != version_) return Broken("a value was put twice");
  if (*found != value_ && !open_.contains(*found)) {
    return Broken(fmt::format("{} was there or still open, {} is there", value_, *found));
  }
  if (*found != value_) open_.clear();
  value_ = *found;
  version_ = item->version;
  to_be_read_ = false;
  return absl::OkStatus();
}

absl::Status Witness::Settle() {
  const Instant end = clock_.Now() + kUntilItAnswers;
  for (to_be_read_ = true; to_be_read_;) {
    DR_RETURN_IF_ERROR(Read());
    if (clock_.Now() > end) return Broken("the store did not come back");
  }
  for (const auto& [number, certain] : created_) {
    DR_RETURN_IF_ERROR(CheckCreated(number, certain));
  }
  return CheckListing();
}

absl::Status Witness::CheckCreated(int number, bool certain) {
  const absl::StatusOr<Item> item = store_.Get(Created(number), {});
  if (absl::IsNotFound(item.status()) && !certain) return absl::OkStatus();
  if (!item.ok()) return Broken(fmt::format("{} is lost: {}", number, item.status().ToString()));
  if (NumberOf(item->value) == number) return absl::OkStatus();
  return Broken(fmt::format("{} was created, something else is there", number));
}

absl::Status Witness::CheckListing() {
  std::set<std::string> listed;
  for (Page page{.entries = {}, .more = true}; page.more;) {
    const std::string after = page.entries.empty() ? "" : page.entries.back().key;
    DR_ASSIGN_OR_RETURN(page, store_.List(prefix_ + "c", after, {}));
    for (const ListEntry& entry : page.entries) listed.insert(entry.key);
  }
  for (const auto& [number, certain] : created_) {
    if (listed.erase(Created(number)) == 0 && certain) {
      return Broken(fmt::format("{} is not listed", number));
    }
  }
  if (listed.empty()) return absl::OkStatus();
  return Broken(fmt::format("{} is listed, which was not put", *listed.begin()));
}

}  // namespace dr::test
