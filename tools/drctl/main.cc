// drctl: looks at a host's directory from outside.
#include <CLI/CLI.hpp>
#include <exception>
#include <functional>

#include "dr/status.h"
#include "dr/version.h"
#include "tools/drctl/verbs.h"

namespace drctl {
namespace {

constexpr int kUsage = 2;
constexpr const char* kFooter =
    "Exit codes: 0 fine, 1 error, 2 wrong usage, 3 damage found, 4 in use or changing.\n"
    "With --json the result is one object on stdout (`log show`: one per line).";

using Run = std::function<absl::Status(Machine&, const Arguments&)>;

class Program {
 public:
  Program() : app_("Looks at the directory of a dr host from outside.", "drctl") {
    app_.require_subcommand(1);
    app_.footer(kFooter);
    app_.set_version_flag("--version", std::string(dr::LibraryVersion()));
    CLI::App* wal = Group("wal", "the log's files");
    Verb(wal, "inspect", "segments and groups as they are on the disk", WalInspect);
    Verb(wal, "verify", "read all that is needed, strictly; name the first damage", WalVerify);
  }

  int Main(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return app_.exit(error) == 0 ? 0 : kUsage;
    }
    Machine machine;
    return dr::PrintError(run_(machine, arguments_));
  }

 private:
  CLI::App* Group(const std::string& name, const std::string& about) {
    CLI::App* group = app_.add_subcommand(name, about);
    group->require_subcommand(1);
    return group;
  }

  CLI::App* Verb(CLI::App* parent, const std::string& name, const std::string& about, Run run) {
    CLI::App* verb = parent->add_subcommand(name, about);
    verb->add_option("DIR", arguments_.directory,
                     parent->get_name() == "wal" ? "a host's directory, or a folder of segments"
                                                 : "a host's directory")
        ->required();
    verb->add_flag("--json", arguments_.json, "print JSON");
    verb->footer(kFooter);
    verb->callback([this, run = std::move(run)] { run_ = run; });
    return verb;
  }

  CLI::App app_;
  Arguments arguments_;
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
