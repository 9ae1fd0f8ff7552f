#include "tests/conformance/own_server.h"

#include <stdio.h>
#include <stdlib.h>

#include "dr/status.h"
#include "fmt/format.h"
#include "tests/conformance/stores.h"

namespace dr::test {

OwnServer::OwnServer(const std::string& name) : program_(DR_TEST_SERVERS "/" + name) {}

OwnServer::~OwnServer() {
  static_cast<void>(Kill());  // nobody waits for it to end in order
  static_cast<void>(Run("stop"));
}

std::string OwnServer::Command(const std::string& verb) const {
  return fmt::format("'{}' {} '{}' 2>>'{}'", program_, verb, folder_.path(), folder_ / "log");
}

absl::Status OwnServer::Run(const std::string& verb) const {
  const int ended = system((Command(verb) + " >/dev/null").c_str());
  if (ended == 0) return absl::OkStatus();
  return absl::InternalError(AsAbsl(fmt::format("{} {} ended with {}", program_, verb, ended)));
}

absl::StatusOr<std::unique_ptr<OwnServer>> OwnServer::Start(const std::string& name) {
  std::unique_ptr<OwnServer> server(new OwnServer(name));
  setenv("CEPH_STORE", "bluestore", 1);  // which forgets nothing, as its default does
  setenv("POSTGRES_ONE", "1", 1);
  FILE* lines = popen(server->Command("start").c_str(), "r");
  if (lines == nullptr) return absl::InternalError("no pipe");
  char line[4096];
  while (fgets(line, sizeof(line), lines) != nullptr) {
    const std::string text(line);
    const std::size_t equals = text.find('=');
    setenv(text.substr(0, equals).c_str(),
           text.substr(equals + 1, text.find('\n') - equals - 1).c_str(), 1);
  }
  TakeCredentials();
  if (pclose(lines) == 0) return server;
  return absl::InternalError(AsAbsl(fmt::format("{} did not start", name)));
}

}  // namespace dr::test
