// What file_system.h promises, case by case, of the machine's files and of the simulated ones.

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "catch2/catch.hpp"
#include "dr/environment/file_system.h"
#include "dr/status.h"
#include "dr/testing/sim_file_system.h"
#include "tests/support/temp_directory.h"

namespace {

using absl::StatusCode;
using dr::Access;
using dr::Create;
using dr::Directory;
using dr::FaultKind;
using dr::OpenOptions;
using dr::WritePath;

constexpr OpenOptions kMake{.access = Access::kWrite, .create = Create::kIfMissing};
constexpr OpenOptions kMakeNew{.access = Access::kWrite, .create = Create::kExclusive};
constexpr OpenOptions kWrite{.access = Access::kWrite};
constexpr OpenOptions kRead{};

std::unique_ptr<dr::File> Open(Directory& d, std::string_view name, OpenOptions options) {
  auto file = d.Open(name, options);
  INFO(file.status().message());
  REQUIRE(file.ok());
  return *std::move(file);
}

void Put(Directory& d, std::string_view name, std::string_view data) {
  REQUIRE(Open(d, name, kMake)->WriteAt(0, data).ok());
}

std::string Content(dr::File& file) {
  std::string out(file.Info()->size, '?');
  REQUIRE(file.ReadAt(0, out).value() == out.size());
  return out;
}

std::string Content(Directory& d, std::string_view name) { return Content(*Open(d, name, kRead)); }

std::string Names(Directory& d) {
  std::string out;
  const auto entries = d.List();
  REQUIRE(entries.ok());
  for (const auto& entry : *entries) {
    out += entry.name + (entry.type == dr::DirectoryEntry::Type::kDirectory ? "/ " : " ");
  }
  return out;
}

void CheckKind(const absl::Status& status, FaultKind kind, std::string_view place) {
  const auto fault = dr::FaultOf(status);
  REQUIRE(fault.has_value());
  CHECK(fault->kind == kind);
  CHECK(status.code() != StatusCode::kOk);
  CHECK(std::string_view(fault->place).ends_with(place));
  CHECK_FALSE(fault->next.empty());
}

struct Aligned {
  explicit Aligned(std::size_t size, char fill = 'd')
      : bytes(static_cast<char*>(std::aligned_alloc(dr::kDirectAlignment, size))),
        view(bytes.get(), size) {
    std::fill_n(bytes.get(), size, fill);
  }
  struct Free {
    void operator()(char* p) const { std::free(p); }
  };
  std::unique_ptr<char, Free> bytes;
  std::string_view view;
};

struct Case {
  std::string_view fact;
  void (*check)(Directory& d);
};

const Case kCases[] = {
    {"a file is made when asked to, and only then",
     [](Directory& d) {
       CheckKind(d.Open("f", kRead).status(), FaultKind::kMissing, "/f");
       CheckKind(d.Open("f", kWrite).status(), FaultKind::kMissing, "/f");
       Open(d, "f", kMakeNew);
       CheckKind(d.Open("f", kMakeNew).status(), FaultKind::kExists, "/f");
       Open(d, "f", kMake);
       Open(d, "g", {.access = Access::kRead, .create = Create::kIfMissing});
       CHECK(Names(d) == "f g ");
     }},
    {"what is written is read, holes are zeros, and the end is the end",
     [](Directory& d) {
       auto file = Open(d, "f", kMake);
       REQUIRE(file->WriteAt(5, "hello").ok());
       REQUIRE(file->WriteAt(7, "LLO!").ok());
       CHECK(Content(*file) == std::string("\0\0\0\0\0heLLO!", 11));
       std::string out(20, '?');
       CHECK(file->ReadAt(8, out).value() == 3);
       CHECK(out.substr(0, 4) == "LO!?");
       CHECK(file->ReadAt(11, out).value() == 0);
       CHECK(file->ReadAt(1 << 20, out).value() == 0);
       CHECK(file->ReadAt(0, {}).value() == 0);
       CHECK(file->WriteAt(100, "").ok());
       CHECK(file->Info()->size == 11);
     }},
    {"large writes over odd borders come back whole",
     [](Directory& d) {
       std::string data(300'000, '\0');
       for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7 / 3);
       auto file = Open(d, "f", kMake);
       REQUIRE(file->WriteAt(4095, data).ok());
       REQUIRE(file->WriteAt(0, std::string(4095, 'x')).ok());
       CHECK(Content(*file) == std::string(4095, 'x') + data);
       REQUIRE(file->WriteAt(8192, std::string(8192, '\0')).ok());
       data.replace(8192 - 4095, 8192, 8192, '\0');
       CHECK(Content(*file) == std::string(4095, 'x') + data);
     }},
    {"truncation cuts, and what it gave back reads as zeros when the file grows again",
     [](Directory& d) {
       auto file = Open(d, "f", kMake);
       REQUIRE(file->WriteAt(0, std::string(10'000, 'x')).ok());
       REQUIRE(file->Truncate(5'000).ok());
       CHECK(file->Info()->size == 5'000);
       REQUIRE(file->Truncate(9'000).ok());
       CHECK(Content(*file) == std::string(5'000, 'x') + std::string(4'000, '\0'));
       REQUIRE(file->Truncate(0).ok());
       REQUIRE(file->WriteAt(2, "y").ok());
       CHECK(Content(*file) == std::string("\0\0y", 3));
     }},
    {"a file opened for reading can be synced and not changed",
     [](Directory& d) {
       Put(d, "f", "x");
       auto file = Open(d, "f", kRead);
       CHECK(file->Sync().ok());
       CHECK(file->WriteAt(0, "y").code() == StatusCode::kInternal);
       CHECK(file->Truncate(0).code() == StatusCode::kInternal);
       CHECK(file->Lock().code() == StatusCode::kInternal);
       CHECK(Content(*file) == "x");
     }},
    {"offsets that pass the end of any file are refused",
     [](Directory& d) {
       auto file = Open(d, "f", kMake);
       char byte = 0;
       CheckKind(file->WriteAt(~0ULL, "ab"), FaultKind::kLimit, "/f");
       CheckKind(file->WriteAt((1ULL << 63) - 1, "ab"), FaultKind::kLimit, "/f");
       CheckKind(file->ReadAt(1ULL << 63, {&byte, 1}).status(), FaultKind::kLimit, "/f");
       CHECK(file->Info()->size == 0);
     }},
    {"direct writes are aligned or refused, and read back by anyone",
     [](Directory& d) {
       auto opened = d.Open(
           "f",
           {.access = Access::kWrite, .create = Create::kExclusive, .path = WritePath::kDirect});
       if (!opened.ok()) {
         CheckKind(opened.status(), FaultKind::kUnsupported, "/f");
         CHECK(Names(d) == "");  // nothing is left of the attempt
         return;
       }
       auto file = *std::move(opened);
       const Aligned data(8192);
       REQUIRE(file->WriteAt(4096, data.view).ok());
       CheckKind(file->WriteAt(512, data.view), FaultKind::kInvalid, "/f");
       CheckKind(file->WriteAt(0, data.view.substr(0, 512)), FaultKind::kInvalid, "/f");
       CheckKind(file->WriteAt(0, data.view.substr(1, 4096)), FaultKind::kInvalid, "/f");
       CHECK(Content(d, "f") == std::string(4096, '\0') + std::string(8192, 'd'));
       const Aligned back(16384, '?');
       CHECK(file->ReadAt(0, {back.bytes.get(), 16384}).value() == 12288);
       CHECK(back.view.substr(4096, 8192) == data.view);
       REQUIRE(file->Truncate(5000).ok());
       CHECK(file->ReadAt(0, {back.bytes.get(), 16384}).value() == 5000);
     }},
    {"names that are not one component are refused before anything is touched",
     [](Directory& d) {
       Put(d, "f", "x");
       const std::string names[] = {
           "", ".", "..", "a/b", "/", "../f", std::string("f\0", 2), std::string(256, 'n')};
       for (const std::string& name : names) {
         INFO(name);
         for (const absl::Status& status :
              {d.Open(name, kMake).status(), d.OpenDirectory(name, Create::kIfMissing).status(),
               d.Rename("f", name), d.Rename(name, "g"), d.Link("f", name), d.Link(name, "g"),
               d.Remove(name), d.RemoveDirectory(name)}) {
           CHECK(status.code() == StatusCode::kInvalidArgument);
           CHECK(dr::FaultOf(status)->kind == FaultKind::kInvalid);
         }
       }
       Put(d, std::string(255, 'n'), "y");
       Put(d, "\\%2e \n", "z");
       CHECK(Names(d) == "\\%2e \n f " + std::string(255, 'n') + " ");
     }},
    {"a directory is not a file, nor a file a directory",
     [](Directory& d) {
       Put(d, "f", "x");
       REQUIRE(d.OpenDirectory("d", Create::kExclusive).ok());
       for (OpenOptions options : {kRead, kWrite, kMake}) {
         CheckKind(d.Open("d", options).status(), FaultKind::kInvalid, "/d");
       }
       CheckKind(d.Open("d", kMakeNew).status(), FaultKind::kExists, "/d");
       CheckKind(d.OpenDirectory("f", Create::kNever).status(), FaultKind::kInvalid, "/f");
       CheckKind(d.OpenDirectory("f", Create::kIfMissing).status(), FaultKind::kInvalid, "/f");
       CheckKind(d.OpenDirectory("f", Create::kExclusive).status(), FaultKind::kExists, "/f");
       CheckKind(d.Remove("d"), FaultKind::kInvalid, "/d");
       CheckKind(d.RemoveDirectory("f"), FaultKind::kInvalid, "/f");
       CHECK(Names(d) == "d/ f ");
     }},
    {"directories are made, found, and removed when they are empty",
     [](Directory& d) {
       CheckKind(d.OpenDirectory("d", Create::kNever).status(), FaultKind::kMissing, "/d");
       auto below = d.OpenDirectory("d", Create::kExclusive);
       REQUIRE(below.ok());
       CheckKind(d.OpenDirectory("d", Create::kExclusive).status(), FaultKind::kExists, "/d");
       REQUIRE(d.OpenDirectory("d", Create::kIfMissing).ok());
       Put(**below, "f", "x");
       CheckKind(d.RemoveDirectory("d"), FaultKind::kUsage, "/d");
       REQUIRE((*below)->Remove("f").ok());
       REQUIRE(d.RemoveDirectory("d").ok());
       CheckKind(d.RemoveDirectory("d"), FaultKind::kMissing, "/d");
       CheckKind((*below)->Open("g", kMake).status(), FaultKind::kMissing, "/d/g");
       CHECK(Names(d) == "");
     }},
    {"renaming replaces files, keeps the inode, and leaves the rest alone",
     [](Directory& d) {
       Put(d, "a", "first");
       Put(d, "b", "second");
       auto a = Open(d, "a", kWrite);
       auto b = Open(d, "b", kRead);
       const auto inode = a->Info()->inode;
       REQUIRE(d.Rename("a", "b").ok());
       CHECK(Names(d) == "b ");
       CHECK(Content(d, "b") == "first");
       CHECK(Open(d, "b", kRead)->Info()->inode == inode);
       CHECK(b->Info()->links == 0);
       CHECK(Content(*b) == "second");
       REQUIRE(a->WriteAt(0, "F").ok());
       CHECK(Content(d, "b") == "First");
       REQUIRE(d.Rename("b", "b").ok());
       CheckKind(d.Rename("a", "c"), FaultKind::kMissing, "/a");
       CHECK(Names(d) == "b ");
     }},
    {"renaming over a directory needs a directory, an empty one",
     [](Directory& d) {
       Put(d, "f", "x");
       auto full = d.OpenDirectory("full", Create::kIfMissing);
       Put(**full, "x", "x");
       REQUIRE(d.OpenDirectory("empty", Create::kIfMissing).ok());
       CheckKind(d.Rename("f", "empty"), FaultKind::kInvalid, "/f");
       CheckKind(d.Rename("full", "f"), FaultKind::kInvalid, "/full");
       CheckKind(d.Rename("empty", "full"), FaultKind::kUsage, "/empty");
       REQUIRE(d.Rename("full", "empty").ok());
       CHECK(Names(d) == "empty/ f ");
       CHECK(Content(**d.OpenDirectory("empty", Create::kNever), "x") == "x");
     }},
    {"a link is a second name that never replaces",
     [](Directory& d) {
       Put(d, "a", "one");
       Put(d, "b", "two");
       CheckKind(d.Link("a", "b"), FaultKind::kExists, "/b");
       CheckKind(d.Link("x", "y"), FaultKind::kMissing, "/x");
       REQUIRE(d.Link("a", "c").ok());
       auto file = Open(d, "c", kWrite);
       CHECK(file->Info()->links == 2);
       REQUIRE(d.Rename("a", "c").ok());  // two names of one file: both stay
       CHECK(Names(d) == "a b c ");
       REQUIRE(d.Remove("a").ok());
       CHECK(file->Info()->links == 1);
       CHECK(Content(d, "c") == "one");
       REQUIRE(d.OpenDirectory("d", Create::kIfMissing).ok());
       CHECK_FALSE(d.Link("d", "e").ok());
     }},
    {"a removed file lives on for those who have it open",
     [](Directory& d) {
       auto file = Open(d, "f", kMake);
       REQUIRE(file->WriteAt(0, "x").ok());
       REQUIRE(d.Remove("f").ok());
       CheckKind(d.Remove("f"), FaultKind::kMissing, "/f");
       CHECK(file->Info()->links == 0);
       REQUIRE(file->WriteAt(1, "y").ok());
       CHECK(Content(*file) == "xy");
       CHECK(file->Sync().ok());
       const auto old = file->Info()->inode;
       Put(d, "f", "new");
       CHECK(Open(d, "f", kRead)->Info()->inode != old);
     }},
    {"entries are listed by name, as they are now",
     [](Directory& d) {
       CHECK(Names(d) == "");
       for (std::string_view name : {"b", "a", "c", "B"}) Put(d, name, "");
       REQUIRE(d.OpenDirectory("aa", Create::kIfMissing).ok());
       CHECK(Names(d) == "B a aa/ b c ");
       REQUIRE(d.Remove("b").ok());
       CHECK(Names(d) == "B a aa/ c ");
     }},
    {"A18: a lock excludes other descriptions until its own is closed",
     [](Directory& d) {
       auto first = Open(d, "LOCK", kMake);
       auto second = Open(d, "LOCK", kWrite);
       REQUIRE(first->Lock().ok());
       REQUIRE(first->Lock().ok());
       CheckKind(second->Lock(), FaultKind::kBusy, "/LOCK");
       Open(d, "LOCK", kWrite).reset();
       CheckKind(second->Lock(), FaultKind::kBusy, "/LOCK");
       first.reset();
       CHECK(second->Lock().ok());
     }},
    {"syncing works at any time, and a directory tells what it lies on",
     [](Directory& d) {
       auto file = Open(d, "f", kMake);
       CHECK(file->Sync().ok());
       REQUIRE(file->WriteAt(0, "x").ok());
       CHECK(file->Sync().ok());
       CHECK(d.Sync().ok());
       const auto volume = d.Volume();
       REQUIRE(volume.ok());
       CHECK_FALSE(volume->type.empty());
       CHECK(volume->free_bytes > 0);
     }},
};

TEST_CASE("Real and simulated files keep the same contract") {
  for (const Case& c : kCases) {
    const dr::test::TempDirectory temp;
    dr::PosixFileSystem posix;
    dr::SimFileSystem sim;
    dr::SimFileSystem buffered({.direct = false});
    const std::pair<std::string_view, dr::FileSystem*> systems[] = {
        {"posix", &posix}, {"sim", &sim}, {"sim without direct writes", &buffered}};
    for (const auto& [name, files] : systems) {
      DYNAMIC_SECTION(name << ": " << c.fact) {
        auto directory = files->OpenDirectory(temp / "root", Create::kExclusive);
        REQUIRE(directory.ok());
        c.check(**directory);
      }
    }
  }
}

TEST_CASE("Real and simulated paths are opened alike") {
  const dr::test::TempDirectory temp;
  dr::PosixFileSystem posix;
  dr::SimFileSystem sim;
  REQUIRE(sim.OpenDirectory(temp.path(), Create::kIfMissing).ok());
  const std::pair<std::string_view, dr::FileSystem*> systems[] = {{"posix", &posix}, {"sim", &sim}};
  for (const auto& [name, files] : systems) {
    DYNAMIC_SECTION(name) {
      auto code = [&, files = files](const std::string& path, Create create) {
        return files->OpenDirectory(path, create).status().code();
      };
      CHECK(code(temp / "a/b", Create::kNever) == StatusCode::kNotFound);
      CHECK(code(temp / "a", Create::kNever) == StatusCode::kNotFound);
      CHECK(code(temp / "a//b/./c/", Create::kExclusive) == StatusCode::kOk);
      CHECK(code(temp / "a/b/c", Create::kExclusive) == StatusCode::kAlreadyExists);
      CHECK(code(temp / "a/b/c", Create::kIfMissing) == StatusCode::kOk);
      CHECK(code("/", Create::kNever) == StatusCode::kOk);
      CHECK(code("/", Create::kExclusive) == StatusCode::kAlreadyExists);
      CHECK(code("", Create::kIfMissing) == StatusCode::kInvalidArgument);
      CHECK(code(std::string("a\0b", 3), Create::kNever) == StatusCode::kInvalidArgument);
      auto directory = files->OpenDirectory(temp / "a", Create::kNever);
      Put(**directory, "f", "x");
      CHECK(code(temp / "a/f", Create::kIfMissing) == StatusCode::kInvalidArgument);
      CHECK(code(temp / "a/f/g", Create::kIfMissing) == StatusCode::kInvalidArgument);
      CHECK(Names(**directory) == "b/ f ");
    }
  }
}

}  // namespace
