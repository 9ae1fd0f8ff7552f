// drctl: looks at a host's directory, and at stores, from outside.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>

#include "absl/strings/numbers.h"
#include "dr/status.h"
#include "dr/version.h"
#include "fmt/format.h"
#include "tools/drctl/output.h"
#include "tools/drctl/verbs.h"

namespace drctl {
namespace {

constexpr int kOtherError = 1, kWrongUsage = 2, kUnsupported = 5;
constexpr const char* kFooter =
    "Exit codes: 0 fine, 1 error, 2 wrong usage, 3 damage found, 4 in use, changing, or the\n"
    "device failed, 5 this place cannot do what dr promises.\n"
    "With --json the result is one object on stdout (`log show`: one per line).";
constexpr const char* kStoreFooter =
    "URI may have variables: 'redis://:${REDIS_PASSWORD}@db.example/0'.\n"
    "Exit codes: 0 good, 1 a case failed or the store cannot be used, 2 wrong usage.";

using Run = std::function<absl::Status(Format)>;
using RunOnHost = std::function<absl::Status(const dr::StoredHost&, Format)>;

// Left to itself the parser would take 010 for octal and a number that is too large for the
// largest.
std::string Position(const std::string& text) {
  std::uint64_t number = 0;
  if (!absl::SimpleAtoi(text, &number) || number == 0) {
    throw CLI::ValidationError(fmt::format("\"{}\" is no position; they count from 1", text));
  }
  return std::to_string(number);
}

dr::OperationKind Kind(const std::string& name) {
  if (const auto kind = dr::OperationKindOf(name)) return *kind;
  throw CLI::ValidationError(fmt::format(
      "there is no kind of operation \"{}\"; use operation, task, transition, yield, call_result "
      "or marker",
      name));
}

int ExitCode(const absl::Status& status) {
  const int code = dr::PrintError(status);
  const auto fault = dr::FaultOf(status);
  return fault && fault->kind == dr::FaultKind::kUnsupported ? kUnsupported : code;
}

class Program {
 public:
  Program() : app_("Looks at what dr keeps, and at where it is kept, from outside.", "drctl") {
    app_.require_subcommand(1);
    app_.footer(kFooter);
    app_.set_version_flag("--version", std::string(dr::LibraryVersion()));
    CLI::App* wal = Group("wal", "the log's files");
    Verb(wal, "inspect", "segments and groups as they are on the disk", WalInspect);
    Verb(wal, "verify", "read all that is needed, strictly; name the first damage", WalVerify);
    AddSalvage(wal);
    AddLogShow(Group("log", "the operations"));
    AddCheckpoints(Group("checkpoint", "what a host may open from"));
    DirectoryVerb(&app_, "doctor", "what the place can promise; writes 4 KiB to measure it",
                  [this](Format format) { return Doctor(directory_, format); });
    AddStoreValidate(Group("store", "where state is kept"));
  }

  int Main(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::Success& shown) {  // --help, --version
      return app_.exit(shown);
    } catch (const CLI::ParseError& error) {
      return dr::PrintError(absl::InvalidArgumentError(
          fmt::format("{}; run with --help to see what is possible", error.what())));
    }
    absl::Status status = run_(json_ ? Format::kJson : Format::kText);
    if (std::fflush(stdout) != 0) status.Update(dr::MakeIoFault("write", "stdout", errno));
    const int code = ExitCode(status);
    return store_.uri.empty() || code == kWrongUsage ? code : std::min(code, kOtherError);
  }

 private:
  CLI::App* Group(const std::string& name, const std::string& about) {
    CLI::App* group = app_.add_subcommand(name, about);
    group->require_subcommand(1);
    return group;
  }

  CLI::App* Verb(CLI::App* parent, const std::string& name, const std::string& about,
                 RunOnHost run) {
    return DirectoryVerb(parent, name, about, [this, run = std::move(run)](Format format) {
      const absl::StatusOr<dr::StoredHost> host = dr::StoredHost::Open(directory_);
      return host.ok() ? run(*host, format) : host.status();
    });
  }

  CLI::App* DirectoryVerb(CLI::App* parent, const std::string& name, const std::string& about,
                          Run run) {
    CLI::App* verb = parent->add_subcommand(name, about);
    verb->add_option("DIR", directory_,
                     parent->get_name() == "wal" || parent->get_name() == "log"
                         ? "a host's directory, or a folder of segments"
                         : "a host's directory")
        ->required();
    verb->add_flag("--json", json_, "print JSON");
    verb->footer(kFooter);
    verb->callback([this, run = std::move(run)] { run_ = run; });
    return verb;
  }

  void AddSalvage(CLI::App* wal) {
    CLI::App* verb = Verb(wal, "salvage", "keep all operations up to LSN, in a new directory",
                          [this](const dr::StoredHost& host, Format format) {
                            return WalSalvage(host, format, salvage_);
                          });
    verb->add_option("--to", salvage_.to.value, "the last operation to keep; the rest is given up")
        ->required()
        ->transform(Position)
        ->type_name("LSN");
    verb->add_option("--output", salvage_.output,
                     "write it there, where nothing is; if left out, only tell what can be kept")
        ->type_name("NEWDIR");
  }

  void AddLogShow(CLI::App* log) {
    CLI::App* verb = Verb(
        log, "show", "one line for each operation",
        [this](const dr::StoredHost& host, Format format) { return LogShow(host, format, log_); });
    verb->add_option("--from", log_.selection.from.value, "first operation")
        ->transform(Position)
        ->type_name("LSN");
    verb->add_option("--to", log_.selection.to.value, "last operation")
        ->transform(Position)
        ->type_name("LSN");
    verb->add_option("--component", log_.selection.component, "of this component only")
        ->type_name("ID");
    verb->add_option_function<std::string>(
        "--kind", [this](const std::string& name) { log_.selection.kind = Kind(name); },
        "operation, task, transition, yield, call_result or "
        "marker only");
    verb->add_flag("--full", log_.full, "whole payloads, in JSON also as payload_base64");
  }

  void AddCheckpoints(CLI::App* group) {
    CLI::App* list =
        Verb(group, "list", "all, newest first", [this](const dr::StoredHost& host, Format format) {
          return CheckpointList(host, format, checkpoint_);
        });
    CLI::App* show = Verb(group, "show", "components and objects of one",
                          [this](const dr::StoredHost& host, Format format) {
                            return CheckpointShow(host, format, checkpoint_);
                          });
    show->add_option("N", checkpoint_.sequence, "its number; the newest if left out")
        ->transform(Position);
    for (CLI::App* verb : {list, show}) {
      verb->add_flag("--verify", checkpoint_.verify, "read all objects");
    }
  }

  void AddStoreValidate(CLI::App* group) {
    CLI::App* verb = group->add_subcommand(
        "validate", "try a store with the adapter cases, beneath a prefix; deletes what it wrote");
    verb->add_option("URI", store_.uri, "of the store")->required();
    verb->add_flag("--json", json_, "print JSON");
    verb->add_option("--prefix", store_.prefix, "what the keys begin with, up to 32 bytes")
        ->capture_default_str();
    verb->add_flag("--quick", store_.quick, "without races, expiry, long listings and the model");
    verb->footer(kStoreFooter);
    verb->callback(
        [this] { run_ = [this](Format format) { return StoreValidate(format, store_); }; });
  }

  CLI::App app_;
  std::string directory_;
  bool json_ = false;
  SalvageArguments salvage_;
  LogArguments log_;
  CheckpointArguments checkpoint_;
  StoreArguments store_;
  Run run_;
};

}  // namespace
}  // namespace drctl

int main(int argc, char** argv) {
  try {
    return drctl::Program().Main(argc, argv);
  } catch (const std::exception& error) {
    return dr::PrintError(absl::InternalError(error.what()));
  }
}
