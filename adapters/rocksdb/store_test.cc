#include <rocksdb/db.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <latch>
#include <thread>

#include "adapters/rocksdb/health.h"
#include "adapters/rocksdb/key_locks.h"
#include "adapters/rocksdb/store_fixture.h"
#include "dr/adapter/stored_value.h"
#include "dr/adapters/rocksdb.h"
#include "dr/status.h"
#include "fmt/format.h"

// RocksDB is not built for ThreadSanitizer, which sees what it touches and not how it keeps order.
extern "C" const char* __tsan_default_options() { return "ignore_noninstrumented_modules=1"; }

namespace dr {
namespace {

using rocksdb_test::Machine;
using test::TempDirectory;
using Code = absl::StatusCode;
const PutOptions kCreate = {.condition = PutCondition::kIfAbsent};

std::string Run(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string out;
  for (int c = 0; (c = fgetc(pipe)) != EOF;) out += static_cast<char>(c);
  INFO(command << "\n" << out);
  REQUIRE(pclose(pipe) == 0);
  return out;
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
  CHECK(machine.Open(memory)->capabilities().weaknesses ==
        std::vector<std::string>{"tmpfs does not survive a power cut"});
  std::filesystem::remove_all(memory);
  CHECK(can.if_absent);
  CHECK_FALSE(can.durable);
  CHECK_FALSE(can.fence_safe);
  CHECK_FALSE(can.ttl);
}

TEST_CASE("a writer waits for another of its key as long as its context allows (K90)") {
  SystemClock clock;
  KeyLocks locks;
  {
    const auto held = locks.Take(5, {}, clock);
    REQUIRE(held.ok());
    const Context soon{.deadline = clock.Now() + std::chrono::milliseconds(20)};
    CHECK(absl::IsDeadlineExceeded(locks.Take(6, soon, clock).status()));
    std::stop_source source;
    std::thread stopping([&] { source.request_stop(); });
    CHECK(absl::IsCancelled(locks.Take(1, {.stop = source.get_token()}, clock).status()));
    stopping.join();
  }
  CHECK(locks.Take(7, {}, clock)->first == 0);
}

// Opens a file as late as it is told to.
class SlowDirectory final : public Directory {
 public:
  SlowDirectory(std::unique_ptr<Directory> inner, std::latch& inside, std::latch& go)
      : inner_(std::move(inner)), inside_(inside), go_(go) {}
  absl::StatusOr<std::unique_ptr<File>> Open(std::string_view name, OpenOptions options) override {
    inside_.count_down();
    go_.wait();
    return inner_->Open(name, options);
  }
  absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(std::string_view name,
                                                           Create create) override {
    return inner_->OpenDirectory(name, create);
  }
  absl::StatusOr<std::vector<DirectoryEntry>> List() override { return inner_->List(); }
  absl::Status Rename(std::string_view from, std::string_view to) override {
    return inner_->Rename(from, to);
  }
  absl::Status Link(std::string_view from, std::string_view to) override {
    return inner_->Link(from, to);
  }
  absl::Status Remove(std::string_view name) override { return inner_->Remove(name); }
  absl::Status RemoveDirectory(std::string_view name) override {
    return inner_->RemoveDirectory(name);
  }
  absl::Status Sync() override { return inner_->Sync(); }
  absl::StatusOr<VolumeInfo> Volume() override { return inner_->Volume(); }

 private:
  const std::unique_ptr<Directory> inner_;
  std::latch &inside_, &go_;
};
struct SlowFiles final : FileSystem {
  PosixFileSystem files;
  std::latch inside{1}, go{1};
  absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(std::string_view path,
                                                           Create create) override {
    auto opened = files.OpenDirectory(path, create);
    if (!opened.ok()) return opened;
    return std::make_unique<SlowDirectory>(*std::move(opened), inside, go);
  }
};

TEST_CASE("who waits for a database that another opens heeds its own context (K90)") {
  TempDirectory temp;
  Machine machine;
  SlowFiles slow;
  const std::string path = temp / "store", uri = "rocksdb://" + path;
  std::thread opening([&] {
    static_cast<void>(machine.registry.Open(uri, {&slow, &machine.clock, &machine.random}));
  });
  slow.inside.wait();
  const AdapterEnvironment& environment = machine.environment;
  const Context soon = machine.Within(std::chrono::milliseconds(20));
  CHECK(absl::IsDeadlineExceeded(machine.registry.Open(uri, environment, soon).status()));
  std::stop_source source;
  source.request_stop();
  const Context stopped{.stop = source.get_token()};
  CHECK(absl::IsCancelled(machine.registry.Open(uri, environment, stopped).status()));
  CHECK(machine.registry.Open("rocksdb://" + temp / "other", environment, {}).ok());
  slow.go.count_down();
  opening.join();
  CHECK(machine.TryOpen(path).ok());
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

TEST_CASE("More keys than one batch deletes are deleted") {
  TempDirectory temp;
  Machine machine;
  auto store = machine.Open(temp / "store");
  std::vector<std::string> keys;
  for (int i = 0; i <= 100'000; ++i) keys.push_back(fmt::format("many/{}", i));
  std::vector<KeyValue> items;
  for (const std::string& key : keys) items.push_back({key, ""});
  items.push_back({"one", "stays"});
  REQUIRE(store->PutMany(items, {}).ok());
  CHECK(store->DeleteMany(keys, {}).ok());
  const auto left = store->List("", "", {});
  REQUIRE(left.ok());
  REQUIRE(left->entries.size() == 1);
  CHECK(left->entries[0].key == "one");
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
    const StoredTrailer trailer = EncodeStoredTrailer("another", "value", 1);
    const std::string moved = "value" + std::string(trailer.data(), trailer.size());
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
