#include "dr/adapters/rocksdb.h"

#include <rocksdb/db.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "adapters/rocksdb/rocksdb_health.h"
#include "dr/status.h"
#include "dr/stored_value.h"
#include "fmt/format.h"
#include "tests/temp_directory.h"

// RocksDB is not built for ThreadSanitizer, which sees what it touches and not how it keeps order.
extern "C" const char* __tsan_default_options() { return "ignore_noninstrumented_modules=1"; }

namespace dr {
namespace {

using testing::TempDirectory;
using Code = absl::StatusCode;
const PutOptions kCreate = {.condition = PutCondition::kIfAbsent};

// What opens stores on this machine; another Machine is as good as another process.
struct Machine {
  PosixFileSystem files;
  SystemClock clock;
  SystemRandom random;
  AdapterRegistry registry = Registry();

  static AdapterRegistry Registry() {
    AdapterRegistry registry;
    REQUIRE(RegisterRocksdb(registry).ok());
    return registry;
  }
  absl::StatusOr<std::unique_ptr<StateAdapter>> TryOpen(const std::string& path,
                                                        std::string_view query = "") {
    return registry.Open(fmt::format("rocksdb://{}{}", path, query), {&files, &clock, &random});
  }
  std::unique_ptr<StateAdapter> Open(const std::string& path, std::string_view query = "") {
    auto store = TryOpen(path, query);
    INFO(store.status().ToString());
    REQUIRE(store.ok());
    return *std::move(store);
  }
};

std::string Run(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string out;
  for (int c = 0; (c = fgetc(pipe)) != EOF;) out += static_cast<char>(c);
  INFO(command << "\n" << out);
  REQUIRE(pclose(pipe) == 0);
  return out;
}

std::string LogFile(const std::string& directory) {
  std::string newest;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string path = entry.path();
    if (path.ends_with(".log") && entry.file_size() > 0) newest = std::max(newest, path);
  }
  REQUIRE(!newest.empty());
  return newest;
}

TEST_CASE("It declares what the volume keeps") {
  TempDirectory disk;
  Machine machine;
  const VolumeInfo on_disk = *(*machine.files.OpenDirectory(disk.path(), Create::kNever))->Volume();
  CHECK(machine.Open(disk / "a")->capabilities().fence_safe ==
        (on_disk.survives_power_loss && !on_disk.is_network));
  if (!std::filesystem::exists("/dev/shm")) {
    WARN("skipped: no /dev/shm");
    return;
  }
  const std::string memory = fmt::format("/dev/shm/dr_rocksdb_test_{}", getpid());
  const Capabilities can = machine.Open(memory)->capabilities();
  CHECK(machine.Open(memory)->Doubts() ==
        std::vector<std::string>{"tmpfs does not survive a power cut"});
  std::filesystem::remove_all(memory);
  CHECK(can.if_absent);
  CHECK_FALSE(can.durable);
  CHECK_FALSE(can.fence_safe);
  CHECK_FALSE(can.ttl);
}

// Puts pairs until it is killed, and says which it has put.
TEST_CASE("The writer that is killed", "[.writer]") {
  Machine machine;
  auto store = machine.Open(getenv("DR_TEST_PATH"));
  const int begin = atoi(getenv("DR_TEST_BEGIN"));
  for (int i = begin;; ++i) {
    const std::string a = fmt::format("a/{:08}", i), b = fmt::format("b/{:08}", i);
    const std::string value = fmt::format("{} of the writer", i);
    const KeyValue pair[] = {{a, value}, {b, value}};
    if (!store->PutMany(pair, {}).ok()) return;
    const std::string line = fmt::format("acknowledged {}\n", i);
    if (write(STDERR_FILENO, line.data(), line.size()) < 0) return;
  }
}

// The last pair that a writer acknowledged which is killed after `pairs`, or ends by itself.
int RunWriter(const std::string& path, int begin, int pairs, std::vector<const char*> command) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  setenv("DR_TEST_PATH", path.c_str(), 1);
  setenv("DR_TEST_BEGIN", std::to_string(begin).c_str(), 1);
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    command.insert(command.end(), {self.c_str(), "[.writer]", nullptr});
    execvp(command[0], const_cast<char**>(command.data()));
    _exit(127);
  }
  close(ends[1]);
  FILE* lines = fdopen(ends[0], "r");
  int last = -1, i = 0;
  bool killed = false;
  // Lines that were in the pipe when it died were acknowledged too.
  while (fscanf(lines, "acknowledged %d\n", &i) == 1) {
    last = i;
    if (last >= begin + pairs && !killed) killed = kill(child, SIGKILL) == 0;
  }
  fclose(lines);
  REQUIRE(waitpid(child, nullptr, 0) == child);
  return last;
}

TEST_CASE("A kill takes nothing that was acknowledged, and no half of a batch") {
  TempDirectory temp;
  const std::string path = temp / "store";
  int begin = 0;
  for (int kills = 0; kills < 5; ++kills) {
    const int last = RunWriter(path, begin, 50 + 37 * kills, {});
    REQUIRE(last >= begin);
    Machine machine;
    auto store = machine.Open(path);
    for (int i = 0; i <= last; ++i) {
      const auto item = store->Get(fmt::format("a/{:08}", i), {});
      REQUIRE(item.ok());
      REQUIRE(item->value == fmt::format("{} of the writer", i));
    }
    begin = last + 1;
    for (; store->Get(fmt::format("a/{:08}", begin), {}).ok(); ++begin) continue;
    for (int i = 0; i < begin; ++i) REQUIRE(store->Get(fmt::format("b/{:08}", i), {}).ok());
    CHECK(absl::IsNotFound(store->Get(fmt::format("b/{:08}", begin), {}).status()));
  }
}

TEST_CASE("D17: What could not be synced is not acknowledged") {
  TempDirectory temp;
  const std::string path = temp / "store";
  setenv("ASAN_OPTIONS", "detect_leaks=0", 1);  // which cannot be while it is traced
  const int last = RunWriter(path, 0, 1000,
                             {"strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync",
                              "-e", "inject=fdatasync:error=EIO:when=30+"});
  CHECK(last > 0);
  CHECK(last < 30);
  Machine machine;
  auto store = machine.Open(path);
  for (int i = 0; i <= last; ++i) CHECK(store->Get(fmt::format("b/{:08}", i), {}).ok());
}

// 100 values in the log, none in a table.
std::string WithLog(const std::string& path) {
  Machine machine;
  auto store = machine.Open(path);
  for (int i = 0; i < 100; ++i) {
    REQUIRE(store->Put(fmt::format("key/{}", i), std::string(100, 'v'), {}, {}).ok());
  }
  store.reset();
  return LogFile(path);
}

TEST_CASE("D17: One flipped bit anywhere in the log is refused") {
  TempDirectory temp;
  const std::string log = WithLog(temp / "store");
  const auto length = std::filesystem::file_size(log);
  for (const double place : {0.01, 0.5, 0.99}) {
    const std::string copy = temp / fmt::format("copy{}", place);
    std::filesystem::copy(temp / "store", copy, std::filesystem::copy_options::recursive);
    std::filesystem::permissions(copy, std::filesystem::perms::owner_all);
    const std::string damaged = copy + "/" + std::filesystem::path(log).filename().string();
    std::fstream file(damaged, std::ios::in | std::ios::out | std::ios::binary);
    const auto at = static_cast<std::streamoff>(static_cast<double>(length) * place);
    file.seekg(at);
    const int byte = file.get();
    file.seekp(at);
    file.put(static_cast<char>(byte ^ 1));
    file.close();
    Machine machine;
    for (const char* query : {"", "?torn_tail=cut"}) {
      INFO(place << query);
      const absl::Status opened = machine.TryOpen(copy, query).status();
      CHECK(absl::IsDataLoss(opened));
    }
  }
}

TEST_CASE("D17: A log that ends within a record is refused, or cut where that is asked for") {
  TempDirectory temp;
  const std::string path = temp / "store";
  const std::string log = WithLog(path);
  std::filesystem::resize_file(log, std::filesystem::file_size(log) - 20);
  Machine machine;
  CHECK(absl::IsDataLoss(machine.TryOpen(path).status()));
  CHECK(absl::IsDataLoss(machine.TryOpen(path, "?torn_tail=refuse").status()));
  CHECK(machine.Open(path, "?torn_tail=cut")->Get("key/98", {}).ok());
  CHECK(absl::IsNotFound(machine.Open(path)->Get("key/99", {}).status()));
}

TEST_CASE("A database without its CURRENT is damaged, not empty") {
  TempDirectory temp;
  WithLog(temp / "store");
  Machine machine;
  machine.Open(temp / "store");  // from the log into a table
  std::filesystem::remove(temp / "store/CURRENT");
  CHECK(absl::IsDataLoss(machine.TryOpen(temp / "store").status()));
}

TEST_CASE("D17: After a failed write it takes no more and says why, and reads go on") {
  TempDirectory temp;
  Machine machine;
  auto store = machine.Open(temp / "store");
  REQUIRE(store->Put("before", "1", {}, {}).ok());
  // Files end here for as long as the limit is there.
  rlimit unlimited;
  REQUIRE(getrlimit(RLIMIT_FSIZE, &unlimited) == 0);
  const auto before = signal(SIGXFSZ, SIG_IGN);
  const rlimit limited = {1 << 20, unlimited.rlim_max};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &limited) == 0);
  const absl::Status first = store->Put("large", std::string(4 << 20, 'x'), {}, {}).status();
  REQUIRE(setrlimit(RLIMIT_FSIZE, &unlimited) == 0);
  signal(SIGXFSZ, before);
  CHECK(first.code() == Code::kUnknown);
  const KeyValue many[] = {{"many", "3"}};
  for (const absl::Status& later :
       {store->Put("after", "2", {}, {}).status(), store->Put("after", "2", kCreate, {}).status(),
        store->PutMany(many, {}), store->Delete("before", {}, {}), store->Check({})}) {
    CHECK(absl::IsFailedPrecondition(later));
    CHECK(later.message().find("File too large") != absl::string_view::npos);
  }
  CHECK(store->Get("before", {})->value == "1");
  CHECK(absl::IsNotFound(store->Get("after", {}).status()));
}

TEST_CASE("D17: A write waits while compaction is behind, as long as its context allows") {
  SystemClock clock;
  RocksDbHealth health("/store");
  ::rocksdb::EventListener& listener = health;
  using ::rocksdb::WriteStallCondition;
  listener.OnStallConditionsChanged(
      {"agent7", {WriteStallCondition::kStopped, WriteStallCondition::kNormal}});
  const Context soon{.deadline = clock.Now() + std::chrono::milliseconds(30)};
  CHECK(absl::IsDeadlineExceeded(health.AwaitWritable(soon, clock)));
  std::stop_source source;
  source.request_stop();
  CHECK(absl::IsCancelled(health.AwaitWritable({.stop = source.get_token()}, clock)));
  std::thread compaction([&] {
    listener.OnStallConditionsChanged(
        {"agent7", {WriteStallCondition::kDelayed, WriteStallCondition::kStopped}});
  });
  CHECK(health.AwaitWritable({}, clock).ok());
  compaction.join();
}

TEST_CASE("D17: A background error has its meaning until RocksDB has recovered from it") {
  using ::rocksdb::Status;
  SystemClock clock;
  RocksDbHealth health("/store");
  ::rocksdb::EventListener& listener = health;
  const auto fail = [&](const Status& error, Status::Severity severity) {
    Status background(error, severity);
    listener.OnBackgroundError(::rocksdb::BackgroundErrorReason::kFlush, &background);
  };
  fail(Status::IOError("flush"), Status::kSoftError);
  CHECK(health.Check().ok());
  fail(Status::NoSpace("full"), Status::kHardError);
  CHECK(absl::IsResourceExhausted(health.AwaitWritable({}, clock)));
  listener.OnErrorRecoveryEnd({Status::NoSpace("full"), Status::OK()});
  CHECK(health.Check().ok());
  fail(Status::Corruption("table"), Status::kUnrecoverableError);
  CHECK(absl::IsDataLoss(health.Check()));
  fail(Status::IOError("log"), Status::kFatalError);
  CHECK(absl::IsFailedPrecondition(health.Check()));
}

TEST_CASE("A disk that is nearly full is refused before the log could end within a record") {
  TempDirectory temp;
  if (mount("tmpfs", temp.path().c_str(), "tmpfs", 0, "size=32m,mode=0700") != 0) {
    WARN("skipped: only root may mount");
    return;
  }
  {
    Machine machine;
    auto store = machine.Open(temp / "store");
    absl::Status put;
    int stored = 0;
    for (; put.ok() && stored < 100; ++stored) {
      put = store->Put(fmt::format("{}", stored), std::string(1 << 20, 'x'), {}, {}).status();
    }
    CHECK(absl::IsResourceExhausted(put));
    CHECK(stored > 5);
    CHECK(absl::IsNotFound(store->Get(fmt::format("{}", stored - 1), {}).status()));
    CHECK(store->Delete("0", {}, {}).ok());
    store.reset();
    CHECK(machine.Open(temp / "store")->Get("1", {}).ok());
  }
  CHECK(umount(temp.path().c_str()) == 0);
}

TEST_CASE("A value that is not what was put is never returned") {
  TempDirectory temp;
  { Machine().Open(temp / "store"); }
  {
    ::rocksdb::DB* opened = nullptr;
    REQUIRE(::rocksdb::DB::Open({}, temp / "store", &opened).ok());
    const std::unique_ptr<::rocksdb::DB> db(opened);
    REQUIRE(db->Put({}, "short", "x").ok());
    REQUIRE(db->Put({}, "foreign", std::string(100, 'x')).ok());
    const StoredHeader header = EncodeStoredHeader("another", "value", 1);
    std::string moved(header.data(), header.size());
    moved += "value";
    REQUIRE(db->Put({}, "moved", moved).ok());
  }
  Machine machine;
  auto store = machine.Open(temp / "store");
  const std::string_view keys[] = {"short", "foreign", "moved"};
  for (const auto& item : store->GetMany(keys, {})) CHECK(absl::IsDataLoss(item.status()));
  for (std::string_view key : keys) CHECK(absl::IsDataLoss(store->Get(key, {}).status()));
  CHECK(absl::IsDataLoss(store->List("", "", {}).status()));
  CHECK(store->Delete("short", {}, {}).ok());
  CHECK(store->List("", "", {})->entries.size() == 2);
}

TEST_CASE("Namespaces of one registry share a database and see nothing of each other") {
  TempDirectory temp;
  Machine machine;
  auto one = machine.Open(temp / "store", "?namespace=agent7");
  auto two = machine.Open(temp / "store", "?namespace=agent8");
  std::filesystem::create_symlink(temp / "store", temp / "alias");
  auto same = machine.Open(temp / "alias", "?namespace=agent7");
  REQUIRE(one->Put("key", "of 7", kCreate, {}).ok());
  CHECK(absl::IsNotFound(two->Get("key", {}).status()));
  CHECK(two->List("", "", {})->entries.empty());
  REQUIRE(two->Put("key", "of 8", kCreate, {}).ok());
  CHECK(same->Put("key", "again", kCreate, {}).status().code() == Code::kAlreadyExists);
  one.reset();
  same.reset();
  two.reset();
  CHECK(machine.Open(temp / "store", "?namespace=agent7")->Get("key", {})->value == "of 7");
  CHECK(machine.Open(temp / "store")->List("", "", {})->entries.empty());
}

TEST_CASE("What is open elsewhere is unavailable, and can be opened when it is not") {
  TempDirectory temp;
  Machine here, elsewhere;
  auto store = here.Open(temp / "store");
  const absl::Status second = elsewhere.TryOpen(temp / "store").status();
  CHECK(absl::IsUnavailable(second));
  CHECK(FaultOf(second)->kind == FaultKind::kBusy);
  store.reset();
  CHECK(elsewhere.TryOpen(temp / "store").ok());
}

TEST_CASE("ldb reads what was put") {
  TempDirectory temp;
  Version version;
  {
    Machine machine;
    version = *machine.Open(temp / "store", "?namespace=agent7")->Put("runs/1", "bytes", {}, {});
  }
  const std::string ldb = "ldb --db=" + temp / "store --column_family=agent7 ";
  const std::string hex = Run(ldb + "--value_hex get runs/1");
  std::string stored;
  for (std::size_t i = 2; i + 1 < hex.size(); i += 2) {
    stored += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  const absl::StatusOr<Item> item = DecodeStored("runs/1", stored);
  REQUIRE(item.ok());
  CHECK(item->value == "bytes");
  CHECK(item->version == version);
}

TEST_CASE("Only the owner enters the directory") {
  using std::filesystem::perms;
  TempDirectory temp;
  Machine machine;
  machine.Open(temp / "made");
  CHECK(std::filesystem::status(temp / "made").permissions() == perms::owner_all);
  std::filesystem::create_directory(temp / "wide");
  std::filesystem::permissions(temp / "wide", perms::owner_all | perms::group_read);
  CHECK(absl::IsInvalidArgument(machine.TryOpen(temp / "wide").status()));
}

TEST_CASE("A URI that says more or something else is refused by name") {
  TempDirectory temp;
  Machine machine;
  for (const char* query : {"?namespace=", "?namespace=a/b", "?torn_tail=keep", "?sync=off"}) {
    INFO(query);
    CHECK(absl::IsInvalidArgument(machine.TryOpen(temp / "store", query).status()));
  }
  const absl::Status unknown = machine.TryOpen(temp / "store", "?sync=off").status();
  CHECK(unknown.message().find("namespace") != absl::string_view::npos);
  for (const char* path : {"host/path", "user@host/path"}) {
    INFO(path);
    CHECK(absl::IsInvalidArgument(machine.TryOpen(path).status()));
  }
  CHECK_FALSE(std::filesystem::exists(temp / "store"));
}

TEST_CASE("A batch beyond a gibibyte is refused whole") {
  TempDirectory temp;
  Machine machine;
  auto store = machine.Open(temp / "store");
  const std::string largest(store->capabilities().max_value_bytes, 'x');
  const std::vector<KeyValue> items(17, {"key", largest});
  CHECK(absl::IsInvalidArgument(store->PutMany(items, {})));
  CHECK(absl::IsNotFound(store->Get("key", {}).status()));
  CHECK(store->Put("key", largest, {}, {}).ok());
  CHECK(store->Get("key", {})->value == largest);
}

}  // namespace
}  // namespace dr
