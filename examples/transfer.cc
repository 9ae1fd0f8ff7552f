// Two components change together: either both ends of a transfer are there after a crash or
// neither.
//
//   transfer [DIRECTORY]
#include <array>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "dr/batch.h"
#include "dr/host.h"
#include "fmt/format.h"

namespace {

class Account : public dr::StatefulComponent {
 public:
  explicit Account(std::string owner)
      : StatefulComponent("account." + std::move(owner), {.name = "account", .version = 1}) {}

  /// The operation as bytes, ready to be committed alone or with others.
  static std::string Change(long cents) { return fmt::format("{}", cents); }
  absl::Status Deposit(long cents) { return Commit(Change(cents)).status(); }

  long balance() const {
    dr::ReaderLock lock(state_mutex());
    return cents_;
  }

 private:
  static absl::StatusOr<long> Parse(std::string_view text) {
    long cents = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cents);
    if (error == std::errc() && end == text.data() + text.size()) return cents;
    return absl::InternalError("not an amount");
  }
  absl::Status Apply(const dr::Operation& op) override {
    const absl::StatusOr<long> cents = Parse(op.payload);
    if (cents.ok()) cents_ += *cents;
    return cents.status();
  }
  absl::Status SaveState(dr::StateWriter& out) const override { return out.Write(Change(cents_)); }
  absl::Status LoadState(dr::StateReader& in) override {
    cents_ = 0;
    const absl::StatusOr<std::optional<std::string_view>> record = in.Next();
    if (!record.ok() || !record->has_value()) return record.status();
    const absl::StatusOr<long> cents = Parse(**record);
    if (cents.ok()) cents_ = *cents;
    return cents.status();
  }

  long cents_ = 0;
};

// One batch: consecutive in the log, in one group, never split by a crash, a cut or a restore.
absl::Status Transfer(Account& from, Account& to, long cents) {
  const std::string out = Account::Change(-cents), in = Account::Change(cents);
  const std::array<dr::ComponentCommit, 2> batch = {{{&from, out}, {&to, in}}};
  return dr::CommitAll(batch).status();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory =
      argc > 1 ? argv[1] : (std::filesystem::temp_directory_path() / "dr_transfer").string();
  Account alice("alice"), bob("bob");
  auto host = dr::Host::Open({.directory = directory, .components = {&alice, &bob}}, {});
  if (!host.ok()) return dr::PrintError(host.status());
  fmt::print("recovered: alice has {}, bob has {}\n", alice.balance(), bob.balance());

  const long before = alice.balance() + bob.balance();
  if (absl::Status s = alice.Deposit(1000); !s.ok()) return dr::PrintError(s);
  for (int i = 0; i < 10; ++i) {
    if (absl::Status s = Transfer(alice, bob, 25); !s.ok()) return dr::PrintError(s);
  }
  fmt::print("now: alice has {}, bob has {}\n", alice.balance(), bob.balance());
  if (alice.balance() + bob.balance() != before + 1000) return 1;
  return dr::PrintError((*host)->Shutdown());
}
