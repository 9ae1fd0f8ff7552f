#include "dr/adapter/directory_store.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <thread>
#include <utility>
#include <vector>

#include "src/base/directory_lock.h"
#include "tests/store/sim_store.h"
#include "tests/support/temp_directory.h"

namespace dr {
namespace {

using test::SimStore;
using test::TempDirectory;
using test::ValuesOf;

struct RealStore {
  explicit RealStore(const std::string& path) {
    auto root = files.OpenDirectory(path, Create::kIfMissing);
    REQUIRE(root.ok());
    opened = DirectoryStore::Open(*std::move(root), random, clock);
    REQUIRE(opened.ok());
  }
  DirectoryStore* operator->() { return opened->get(); }

  PosixFileSystem files;
  SystemRandom random;
  SystemClock clock;
  absl::StatusOr<std::unique_ptr<DirectoryStore>> opened = absl::InternalError("");
};

TEST_CASE("C3: Every flipped bit and every length of a value's file is found") {
  SimFileSystem disk;
  SimStore store(disk);
  REQUIRE(store->Put("k", "the value", {}, {}).ok());
  const std::string good = *disk.Read("/store/k");
  REQUIRE(good.size() == 24 + 9);
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad(1, static_cast<char>(good[bit / 8] ^ (1 << (bit % 8))));
    REQUIRE(disk.Overwrite("/store/k", bit / 8, bad).ok());
    INFO("bit " << bit);
    CHECK(absl::IsDataLoss(store->Get("k", {}).status()));
    CHECK(absl::IsDataLoss(
        store->Put("k", "x", {.condition = PutCondition::kIfVersion}, {}).status()));
    REQUIRE(disk.Overwrite("/store/k", bit / 8, good.substr(bit / 8, 1)).ok());
  }
  CHECK(store->Get("k", {})->value == "the value");
  auto directory = disk.OpenDirectory("/store", Create::kNever);
  for (std::size_t size = 0; size < good.size() + 9; ++size) {
    if (size == good.size()) continue;
    auto file = (*directory)->Open("k", {.access = Access::kWrite});
    REQUIRE((*file)->Truncate(size).ok());
    INFO("length " << size);
    CHECK(absl::IsDataLoss(store->Get("k", {}).status()));
    REQUIRE((*file)->WriteAt(0, good).ok());
    REQUIRE((*file)->Truncate(good.size()).ok());
  }
  CHECK(store->Get("k", {})->value == "the value");
}

TEST_CASE("C3: A value's file under another key's name is found") {
  TempDirectory temp;
  RealStore store(temp / "store");
  REQUIRE(store->Put("mine", "1", {}, {}).ok());
  std::filesystem::copy(temp / "store/mine", temp / "store/yours");
  CHECK(store->Get("mine", {}).ok());
  const absl::Status status = store->Get("yours", {}).status();
  CHECK(absl::IsDataLoss(status));
  CHECK(FaultOf(status)->place == "yours");
}

TEST_CASE("F1: Whatever the key, nothing is written outside the directory") {
  TempDirectory temp;
  RealStore store(temp / "store");
  for (std::string key : {"../outside", "/../../outside", "a/../../outside", "..", "./../x"}) {
    CHECK(store->Put(key, "x", {}, {}).ok());
  }
  int beside = 0;
  for (const auto& unused : std::filesystem::directory_iterator(temp.path())) {
    static_cast<void>(unused);
    ++beside;
  }
  CHECK(beside == 1);
}

TEST_CASE("F2: A link or device in the place of a value is refused, and the target untouched") {
  TempDirectory temp;
  RealStore store(temp / "store");
  RealStore other(temp / "other");
  REQUIRE(other->Put("k", "secret", {}, {}).ok());
  std::filesystem::create_symlink(temp / "other/k", temp / "store/k");
  CHECK_FALSE(store->Get("k", {}).ok());
  std::filesystem::create_directory_symlink(temp / "other", temp / "store/d+");
  CHECK_FALSE(store->Get("d/k", {}).ok());
  CHECK_FALSE(store->Put("d/k", "x", {}, {}).ok());
  REQUIRE(mkfifo((temp / "store/fifo").c_str(), 0600) == 0);
  CHECK_FALSE(store->Get("fifo", {}).ok());
  CHECK(store->Put("k", "mine", {}, {}).ok());
  CHECK(other->Get("k", {})->value == "secret");
}

TEST_CASE("Files are 0600 and directories 0700") {
  TempDirectory temp;
  RealStore store(temp / "store");
  REQUIRE(store->Put("d/k", "x", {}, {}).ok());
  using std::filesystem::perms;
  CHECK(std::filesystem::status(temp / "store/d+").permissions() == perms::owner_all);
  CHECK(std::filesystem::status(temp / "store/d+/k").permissions() ==
        (perms::owner_read | perms::owner_write));
}

TEST_CASE("Files that are not values are neither listed nor removed") {
  TempDirectory temp;
  std::filesystem::create_directories(temp / "store/lost+found");
  std::filesystem::create_directories(temp / "store/.git");
  RealStore store(temp / "store");
  REQUIRE(store->Put("k", "x", {}, {}).ok());
  CHECK(ValuesOf(**store.opened) == test::Values{{"k", "x"}});
  CHECK(std::filesystem::exists(temp / "store/lost+found"));
}

TEST_CASE("F7: A second name for a key is no key") {
  TempDirectory temp;
  RealStore store(temp / "store");
  const std::string piece(80, 'a');
  for (const std::string& key : {std::string("a/b"), piece, piece + "/", piece + "b"}) {
    REQUIRE(store->Put(key, "1", {}, {}).ok());
  }
  const std::filesystem::path root = temp / "store";
  std::filesystem::copy(root / "a+/b", root / "a%2Fb");
  std::filesystem::copy(root / piece, root / (piece + "~") / "%");
  std::filesystem::copy(root / (piece + "~") / "b", root / (piece + "b"));
  std::filesystem::copy(root / (piece + "+"), root / (piece + "~") / "%+",
                        std::filesystem::copy_options::recursive);
  const Page page = *store->List("", "", {});
  REQUIRE(page.entries.size() == 4);
  CHECK(page.entries[0].key == "a/b");
  CHECK(page.entries[1].key == piece);
  CHECK(page.entries[2].key == piece + "/");
  CHECK(page.entries[3].key == piece + "b");
}

// A component that is cut into pieces has keys on both sides of those of the piece it begins with.
TEST_CASE("Pages hold every key once and in order, also where names and keys sort differently") {
  SimFileSystem disk;
  SimStore store(disk);
  const std::string piece(80, 'p');
  std::vector<std::string> keys;
  for (int i = 0; i < 1300; ++i) {
    const std::string rest = fmt::format("{:04}", i);
    for (std::string_view between : {"!", "/", "z"}) {
      keys.push_back(piece + std::string(between) + rest);
    }
    keys.push_back(rest);
  }
  for (const std::string& key : keys) REQUIRE(store->Put(key, "v", {}, {}).ok());
  std::ranges::sort(keys);
  std::vector<std::string> listed;
  for (bool more = true; more;) {
    const absl::StatusOr<Page> page = store->List("", listed.empty() ? "" : listed.back(), {});
    REQUIRE(page.ok());
    for (const ListEntry& entry : page->entries) listed.push_back(entry.key);
    more = page->more;
  }
  CHECK(listed == keys);
}

TEST_CASE("What a crash left unfinished is removed at open, beneath the keys' directories too") {
  TempDirectory temp;
  {
    RealStore store(temp / "store");
    REQUIRE(store->Put("d/k", "x", {}, {}).ok());
  }
  std::filesystem::copy(temp / "store/d+/k", temp / "store/.tmp-1");
  std::filesystem::copy(temp / "store/d+/k", temp / "store/d+/.tmp-2");
  RealStore store(temp / "store");
  CHECK_FALSE(std::filesystem::exists(temp / "store/.tmp-1"));
  CHECK_FALSE(std::filesystem::exists(temp / "store/d+/.tmp-2"));
  CHECK(store->Get("d/k", {})->value == "x");
}

TEST_CASE("A24: On a network file system the store does not claim to be fence-safe") {
  struct Row {
    bool survives, network, durable, fence_safe;
  };
  for (const Row& row : {Row{true, false, true, true}, Row{true, true, true, false},
                         Row{false, false, false, false}}) {
    SimFileSystem disk(
        {.volume = {.type = "x", .survives_power_loss = row.survives, .is_network = row.network}});
    SimStore store(disk);
    REQUIRE(store.opened.ok());
    CHECK(store->capabilities().durable == row.durable);
    CHECK(store->capabilities().fence_safe == row.fence_safe);
    CHECK(store->capabilities().weaknesses.empty() == row.fence_safe);
  }
}

TEST_CASE("A put waits for another process's lock until the deadline") {
  TempDirectory temp;
  RealStore store(temp / "store");
  RealStore other(temp / "store");
  auto directory = other.files.OpenDirectory(temp / "store", Create::kNever);
  auto lock = (*directory)->Open(".lock", {.access = Access::kWrite});
  REQUIRE((*lock)->Lock().ok());
  const Context soon{.deadline = store.clock.Now() + std::chrono::milliseconds(20)};
  CHECK(absl::IsDeadlineExceeded(store->Put("k", "x", {}, soon).status()));
  CHECK(absl::IsDeadlineExceeded(store->Delete("k", {}, soon)));
  CHECK(absl::IsNotFound(store->Get("k", {}).status()));  // readers do not wait
  lock->reset();
  CHECK(store->Put("k", "x", {}, {}).ok());
}

// A process that holds the store's lock and is stopped, as by SIGSTOP or a suspended machine.
class StoppedHolder {
 public:
  explicit StoppedHolder(const std::string& path) {
    pid_ = fork();
    if (pid_ == 0) {
      RealStore store(path);
      auto root = store.files.OpenDirectory(path, Create::kNever);
      auto lock = DirectoryLock::Take(**root, ".lock");
      if (lock.ok()) lock->Sign();
      raise(SIGSTOP);
      _exit(lock.ok() ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(pid_, &status, WUNTRACED) == pid_);
    REQUIRE(WIFSTOPPED(status));
  }
  ~StoppedHolder() {
    if (pid_ > 0) End();
  }
  void End() {
    kill(pid_, SIGKILL);
    waitpid(std::exchange(pid_, 0), nullptr, 0);
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

TEST_CASE("no call waits beyond its context for a stopped process that has the lock (K74)") {
  TempDirectory temp;
  RealStore store(temp / "store");
  StoppedHolder holder(temp / "store");
  const auto in = [&](auto time) { return Context{.deadline = store.clock.Now() + time}; };
  const absl::Status late = store->Put("k", "x", {}, in(std::chrono::milliseconds(20))).status();
  CHECK(absl::IsDeadlineExceeded(late));
  CHECK(late.message().find(fmt::format("process {} has it locked", holder.pid())) !=
        absl::string_view::npos);
  CHECK(absl::IsDeadlineExceeded(store->Delete("k", {}, in(std::chrono::milliseconds(20)))));
  CHECK(absl::IsDeadlineExceeded(store->Check(in(std::chrono::milliseconds(20)))));
  CHECK(absl::IsNotFound(store->Get("k", in(std::chrono::seconds(2))).status()));
  auto root = store.files.OpenDirectory(temp / "store", Create::kNever);
  CHECK(absl::IsDeadlineExceeded(DirectoryStore::Open(*std::move(root), store.random, store.clock,
                                                      in(std::chrono::milliseconds(20)))
                                     .status()));
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  CHECK(absl::IsCancelled(store->Put("k", "x", {}, {.stop = stop.get_token()}).status()));
  // Two threads of one process, of which the one that waits behind the other has less time.
  absl::Status later;
  std::jthread patient([&] { later = store->Put("later", "x", {}, {}).status(); });
  CHECK(absl::IsDeadlineExceeded(
      store->Put("k", "x", {}, in(std::chrono::milliseconds(20))).status()));
  holder.End();
  patient.join();
  CHECK(later.ok());
  CHECK(store->Put("k", "x", {}, {}).ok());
}

TEST_CASE("two processes never have a store's turn at once although its lock file goes (K67)") {
  TempDirectory temp;
  RealStore store(temp / "store");
  StoppedHolder holder(temp / "store");
  std::filesystem::remove(temp / "store/.lock");
  const Context soon{.deadline = store.clock.Now() + std::chrono::milliseconds(20)};
  CHECK(absl::IsDeadlineExceeded(store->Put("k", "x", {}, soon).status()));
  holder.End();
  CHECK(store->Put("k", "x", {}, {}).ok());
}

TEST_CASE("A value of any length around a file's first page is what was put") {
  SimFileSystem disk;
  SimStore store(disk);
  for (std::size_t size : {0, 1, 4071, 4072, 4073, 4095, 4096, 4097, 8191, 8192, 100'000}) {
    std::string value(size, '\0');
    for (std::size_t i = 0; i < size; ++i) value[i] = static_cast<char>(i * 7 + i / 250);
    const absl::StatusOr<Version> version = store->Put("k", value, {}, {});
    REQUIRE(version.ok());
    const absl::StatusOr<Item> item = store->Get("k", {});
    INFO("length " << size);
    REQUIRE(item.ok());
    CHECK(item->value == value);
    CHECK(item->version == *version);
    CHECK(store->List("", "", {})->entries.at(0).bytes == size);
  }
}

TEST_CASE("A batch that fails in the middle leaves what came before, and nothing behind") {
  SimFileSystem disk;
  SimStore store(disk);
  const std::vector<KeyValue> batch = {{"a", "1"}, {"d/b", "2"}, {"", "no key"}, {"e", "4"}};
  CHECK(absl::IsInvalidArgument(store->PutMany(batch, {})));
  CHECK(store->Get("a", {})->value == "1");
  CHECK(store->Get("d/b", {})->value == "2");
  CHECK(absl::IsNotFound(store->Get("e", {}).status()));
  CHECK(store->PutMany({}, {}).ok());
}

TEST_CASE("Many are deleted with one sync of each directory") {
  SimFileSystem disk;
  SimStore store(disk);
  const std::vector<KeyValue> batch = {{"a", ""},   {"b", ""}, {"b/1", ""},
                                       {"b/2", ""}, {"c", ""}, {"d", ""}};
  REQUIRE(store->PutMany(batch, {}).ok());
  const std::vector<std::string> keys = {"b/1", "a", "never/was", "b/2", "c", "b/", "b"};
  disk.Inject({.error = EIO, .nth = 3, .only = SimCall::kSyncNames});
  CHECK(store->DeleteMany(keys, {}).ok());
  const Page left = *store->List("", "", {});
  REQUIRE(left.entries.size() == 1);
  CHECK(left.entries[0].key == "d");
  REQUIRE(disk.failures() == 0);
  disk.Inject({.error = EIO, .nth = 2, .only = SimCall::kSyncNames});
  CHECK(absl::IsUnknown(store->DeleteMany(keys, {})));
}

TEST_CASE("G9: a store whose randomness fails puts nothing") {
  SimFileSystem disk;
  SimStore store(disk);
  store.random.Fail();
  CHECK_FALSE(store->Put("k", "x", {}, {}).ok());
  CHECK(absl::IsNotFound(store->Get("k", {}).status()));
}

// A network file system that does as told once and loses the answer: the retry finds it done.
class ForgetfulDirectory final : public Directory {
 public:
  ForgetfulDirectory(std::unique_ptr<Directory> real, int error)
      : real_(std::move(real)), error_(error) {}
  absl::StatusOr<std::unique_ptr<File>> Open(std::string_view name, OpenOptions options) override {
    if (done_ && error_ == EIO && name == "unreadable") return MakeIoFault("open", name, EIO);
    return real_->Open(name, options);
  }
  absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(std::string_view name,
                                                           Create create) override {
    return real_->OpenDirectory(name, create);
  }
  absl::StatusOr<std::vector<DirectoryEntry>> List() override { return real_->List(); }
  absl::Status Rename(std::string_view from, std::string_view to) override {
    return Forget(real_->Rename(from, to));
  }
  absl::Status Link(std::string_view from, std::string_view to) override {
    return Forget(real_->Link(from, to));
  }
  absl::Status Remove(std::string_view name) override { return real_->Remove(name); }
  absl::Status RemoveDirectory(std::string_view name) override {
    return real_->RemoveDirectory(name);
  }
  absl::Status Sync() override { return real_->Sync(); }
  absl::StatusOr<VolumeInfo> Volume() override { return real_->Volume(); }

 private:
  absl::Status Forget(const absl::Status& status) {
    done_ = true;
    return status.ok() ? MakeIoFault("link", "x", error_) : status;
  }
  std::unique_ptr<Directory> real_;
  int error_;
  bool done_ = false;
};

TEST_CASE("H8: A folder goes with its last value where nobody else writes, and comes again") {
  SimFileSystem disk;
  SimRandom random(1);
  SimClock clock;
  const auto open = [&](Writers writers) {
    return *DirectoryStore::Open(*disk.OpenDirectory("/store", Create::kIfMissing), random, clock,
                                 {}, writers);
  };
  const auto folders = [&] {
    const auto root = *disk.OpenDirectory("/store", Create::kNever);
    const std::vector<DirectoryEntry> entries = *root->List();
    return std::count_if(entries.begin(), entries.end(), [](const DirectoryEntry& entry) {
      return entry.type == DirectoryEntry::Type::kDirectory;
    });
  };
  auto store = open(Writers::kOne);
  const bool many = GENERATE(false, true);
  const auto remove = [&](std::vector<std::string> keys) {
    if (many) return store->DeleteMany(keys, {});
    for (const std::string& key : keys) {
      if (absl::Status deleted = store->Delete(key, {}, {}); !deleted.ok()) return deleted;
    }
    return absl::OkStatus();
  };
  for (int round = 0; round < 2; ++round) {
    for (const char* key : {"a/b/1", "a/b/2", "a/c/1"}) REQUIRE(store->Put(key, "x", {}, {}).ok());
    REQUIRE(remove({"a/b/1"}).ok());
    CHECK(store->Get("a/b/2", {}).ok());
    REQUIRE(remove({"a/b/2"}).ok());
    CHECK(folders() == 1);
    CHECK(store->Get("a/c/1", {}).ok());
    REQUIRE(remove({"a/c/1", "a/c/1"}).ok());
    CHECK(folders() == 0);
  }
  // What is put where a folder was is as durable as anything else.
  REQUIRE(store->Put("a/b/1", "again", {}, {}).ok());
  const std::unique_ptr<SimFileSystem> cut = disk.AfterPowerCut();
  const auto survived =
      *DirectoryStore::OpenToRead(*cut->OpenDirectory("/store", Create::kNever), random, clock);
  CHECK(survived->Get("a/b/1", {})->value == "again");
  store = open(Writers::kMany);
  REQUIRE(remove({"a/b/1"}).ok());
  CHECK(folders() == 1);
}

TEST_CASE("P21: A put that was done and not answered is read back") {
  const int error = GENERATE(EEXIST, EIO);
  const PutCondition condition = GENERATE(PutCondition::kIfAbsent, PutCondition::kAlways);
  SimFileSystem disk;
  SimStore other(disk);
  auto store = DirectoryStore::Open(
      std::make_unique<ForgetfulDirectory>(*disk.OpenDirectory("/store", Create::kNever), error),
      other.random, other.clock);
  REQUIRE(store.ok());
  auto version = (*store)->Put("k", "mine", {.condition = condition}, {});
  REQUIRE(version.ok());
  CHECK((*store)->Get("k", {})->version == *version);
  REQUIRE(other->Put("theirs", "x", {}, {}).ok());
  if (condition == PutCondition::kIfAbsent) {
    CHECK(
        absl::IsAlreadyExists((*store)->Put("theirs", "y", {.condition = condition}, {}).status()));
    CHECK(other->Get("theirs", {})->value == "x");
  }
  if (error == EIO) {
    CHECK(absl::IsUnknown((*store)->Put("unreadable", "x", {.condition = condition}, {}).status()));
  }
}

TEST_CASE("a put or delete whose name may have changed is unknown and never to be retried (K76)") {
  const PutCondition condition = GENERATE(PutCondition::kIfAbsent, PutCondition::kAlways);
  SimFileSystem disk;
  SimStore store(disk);
  REQUIRE(store->Put("before", "x", {}, {}).ok());
  disk.Inject({.error = EIO, .only = SimCall::kSyncNames});
  CHECK(absl::IsUnknown(store->Put("k", "x", {.condition = condition}, {}).status()));
  CHECK(store->Get("k", {})->value == "x");
  disk.Inject({.error = EIO, .only = SimCall::kSyncNames});
  CHECK(absl::IsUnknown(store->PutMany(std::vector<KeyValue>{{"k", "y"}}, {})));
  disk.Inject({.error = EIO, .only = SimCall::kSyncNames});
  CHECK(absl::IsUnknown(store->Delete("k", {}, {})));
  CHECK(absl::IsNotFound(store->Get("k", {}).status()));
  // An unlink that failed and left the name has not happened.
  disk.Inject({.error = EIO, .only = SimCall::kNames});
  CHECK(absl::IsUnavailable(store->Delete("before", {}, {})));
  CHECK(store->Get("before", {})->value == "x");
}

TEST_CASE("what is no file under a key is a lost value and a delete takes it away (K78)") {
  TempDirectory temp;
  RealStore store(temp / "store");
  REQUIRE(mkfifo((temp / "store/fifo").c_str(), 0600) == 0);
  std::filesystem::create_symlink("nowhere", temp / "store/link");
  for (const char* key : {"fifo", "link"}) {
    CHECK(absl::IsDataLoss(store->Get(key, {}).status()));
    CHECK(store->List("", "", {})->entries.at(0).key == key);
    CHECK(store->Delete(key, {}, {}).ok());
    CHECK(absl::IsNotFound(store->Get(key, {}).status()));
  }
  std::filesystem::create_directories(temp / "store/folder/full");
  std::filesystem::create_directories(temp / "store/.tmp-folder");
  CHECK(absl::IsDataLoss(store->Get("folder", {}).status()));
  CHECK(store->Delete("folder", {}, {}).ok());
  const RealStore again(temp / "store");
}

class DirectoryWithoutNames final : public Directory {
 public:
  explicit DirectoryWithoutNames(std::unique_ptr<Directory> real) : real_(std::move(real)) {}
  absl::StatusOr<std::unique_ptr<File>> Open(std::string_view name, OpenOptions options) override {
    return real_->Open(name, options);
  }
  absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(std::string_view name,
                                                           Create create) override {
    return real_->OpenDirectory(name, create);
  }
  absl::StatusOr<std::vector<DirectoryEntry>> List() override { return real_->List(); }
  absl::Status Rename(std::string_view from, std::string_view to) override {
    return real_->Rename(from, to);
  }
  absl::Status Link(std::string_view, std::string_view) override {
    return MakeFault({.kind = FaultKind::kUnsupported}, "no such thing");
  }
  absl::Status Remove(std::string_view name) override { return real_->Remove(name); }
  absl::Status RemoveDirectory(std::string_view name) override {
    return real_->RemoveDirectory(name);
  }
  absl::Status Sync() override { return real_->Sync(); }
  absl::StatusOr<VolumeInfo> Volume() override { return real_->Volume(); }

 private:
  std::unique_ptr<Directory> real_;
};

TEST_CASE("a store is not opened where no name can be given to one of two (K32)") {
  SimFileSystem disk;
  SimStore other(disk);
  auto root = *disk.OpenDirectory("/store", Create::kNever);
  CHECK(absl::IsUnimplemented(
      DirectoryStore::Open(std::make_unique<DirectoryWithoutNames>(std::move(root)), other.random,
                           other.clock)
          .status()));
  CHECK(ValuesOf(*other).empty());
  CHECK((*disk.OpenDirectory("/store", Create::kNever))->List()->size() == 1);  // .lock
}

constexpr int kProcesses = 4;
constexpr int kRounds = 25;

// What one process does; its exit code is 0 only if every call went as it may.
int Compete(const std::string& path, int me) {
  RealStore store(path);
  int won = 0;
  for (int round = 0; round < kRounds; ++round) {
    auto put = store->Put(fmt::format("once/{}", round), fmt::format("{}", me),
                          {.condition = PutCondition::kIfAbsent}, {});
    if (put.ok()) {
      ++won;
    } else if (!absl::IsAlreadyExists(put.status())) {
      return 1;
    }
    for (;;) {
      auto item = store->Get("counter", {});
      if (!item.ok()) return 2;
      auto added =
          store->Put("counter", item->value + "x",
                     {.condition = PutCondition::kIfVersion, .version = item->version}, {});
      if (added.ok()) break;
      if (!absl::IsAborted(added.status())) return 3;
    }
  }
  return store->Put(fmt::format("won/{}", me), std::string(won, 'x'), {}, {}).ok() ? 0 : 4;
}

TEST_CASE("P21: Of many processes one creates a key, and no update by version is lost") {
  TempDirectory temp;
  const std::string path = temp / "store";
  RealStore store(path);
  REQUIRE(store->Put("counter", "", {}, {}).ok());
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    const pid_t child = fork();
    if (child == 0) _exit(Compete(path, i));
    children.push_back(child);
  }
  for (pid_t child : children) {
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
  CHECK(store->Get("counter", {})->value.size() == std::size_t{kProcesses} * kRounds);
  std::size_t won = 0;
  for (int i = 0; i < kProcesses; ++i) {
    won += store->Get(fmt::format("won/{}", i), {})->value.size();
  }
  CHECK(won == kRounds);
}

}  // namespace
}  // namespace dr
