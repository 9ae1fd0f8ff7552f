// A small host for the tests of drctl: does to a directory what its arguments say, in order.
//
//   drctl_host DIRECTORY [digests] STEP...     add:N  batch:N  big:N  checkpoint  shutdown  wait
//                                              load
//
// `load` adds and takes checkpoints as fast as it can until it is told to go on, as `wait` is.
// Prints how often it was added to, at the end. Without shutdown it ends like a kill.
#include <poll.h>
#include <unistd.h>

#include <iostream>
#include <string>
#include <vector>

#include "dr/host.h"
#include "fmt/format.h"

namespace {

class Tally : public dr::StatefulComponent {
 public:
  Tally() : StatefulComponent("tally", {.name = "tally.v", .version = 2}) {}
  absl::Status Add(int n) { return Commit(fmt::format("\x1b[31mred\n\"{}\"\xff", n)).status(); }
  absl::Status AddBig(std::size_t bytes) { return Commit(std::string(bytes, 'b')).status(); }
  /// `n` at once: all of them or none.
  absl::Status AddBatch(int n) {
    return dr::CommitAll(std::vector<dr::ComponentCommit>(n, {this, "batch"})).status();
  }
  std::uint64_t count() const { return count_; }

 private:
  absl::Status Apply(const dr::Operation&) override {
    ++count_;
    return absl::OkStatus();
  }
  absl::Status SaveState(dr::StateWriter& out) const override {
    return out.Write(std::to_string(count_));
  }
  absl::Status LoadState(dr::StateReader& in) override {
    auto record = in.Next();
    if (!record.ok()) return record.status();
    count_ = *record ? std::stoull(std::string(**record)) : 0;
    return *record ? in.Next().status() : absl::OkStatus();
  }
  std::optional<dr::Digest> StateDigest() const override {
    return dr::DigestOf(std::to_string(count_));
  }

  std::uint64_t count_ = 0;
};

absl::Status Work(dr::Host& host, Tally& tally) {
  std::cout << "ready" << std::endl;
  for (pollfd told{STDIN_FILENO, POLLIN, 0}; poll(&told, 1, 0) == 0;) {
    for (int n = 0; n < 25; ++n) {
      if (absl::Status s = n == 7 ? tally.AddBatch(3) : tally.Add(n); !s.ok()) return s;
    }
    if (absl::Status s = host.Checkpoint().status(); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status Do(const std::string& step, dr::Host& host, Tally& tally) {
  if (step == "checkpoint") return host.Checkpoint().status();
  if (step == "shutdown") return host.Shutdown();
  if (step == "load") return Work(host, tally);
  if (step == "wait") {
    std::cout << "ready" << std::endl;
    std::string line;
    std::getline(std::cin, line);
    return absl::OkStatus();
  }
  if (step.starts_with("batch:")) return tally.AddBatch(std::stoi(step.substr(6)));
  if (step.starts_with("big:")) return tally.AddBig(std::stoul(step.substr(4)));
  if (!step.starts_with("add:")) return absl::InvalidArgumentError(step);
  for (int n = 1; n <= std::stoi(step.substr(4)); ++n) {
    if (absl::Status s = tally.Add(n); !s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  const bool digests = argc > 2 && argv[2] == std::string_view("digests");
  Tally tally;
  auto host = dr::Host::Open(
      {.directory = argv[1],
       .components = {&tally},
       .checkpoint = {.on_shutdown = false, .digest_every = digests ? 10u : 0u},
       .log = {.segment_bytes = 64 << 10, .group_bytes = 8 << 10, .ring_capacity = 8}},
      {});
  if (!host.ok()) return dr::PrintError(host.status());
  for (int i = digests ? 3 : 2; i < argc; ++i) {
    if (absl::Status s = Do(argv[i], **host, tally); !s.ok()) _exit(dr::PrintError(s));
  }
  std::cout << tally.count() << std::endl;
  _exit(0);
}
