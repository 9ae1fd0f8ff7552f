#include <algorithm>
#include <string>

#include "dr/status_macros.h"
#include "src/testing/adapter/adapter_check.h"

namespace dr::inline v0 {
namespace {

constexpr std::uint64_t kLongest = 4 << 20;  // what is worth the time

std::string AllBytes() {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  return bytes;
}

absl::Status PutAndRead(const Trial& trial, std::string_view name, std::string_view value) {
  DR_RETURN_IF_ERROR(trial.Put(name, value).status());
  return trial.ExpectValue(name, value);
}

absl::Status IsUsable(const Trial& trial) { return trial.store.Check({}); }

absl::Status ReadsBack(const Trial& trial) { return PutAndRead(trial, "a", "some text"); }

absl::Status KeepsEmpty(const Trial& trial) {
  DR_RETURN_IF_ERROR(PutAndRead(trial, "empty", ""));
  return trial.ExpectNames("", {"empty"});
}

absl::Status KeepsAllBytes(const Trial& trial) {
  DR_RETURN_IF_ERROR(PutAndRead(trial, "all", AllBytes()));
  for (char c : AllBytes()) DR_RETURN_IF_ERROR(PutAndRead(trial, "one", std::string(1, c)));
  return absl::OkStatus();
}

absl::Status KeepsSpeech(const Trial& trial) {
  for (std::string_view value :
       {"0", "-1", "1e999", "null", "NULL", "\\N", "$-1\r\n", "*0\r\n", "'; --", "\\x00", "{}",
        "<Error/>", "\xef\xbb\xbf", "\xc3", "  spaces  ", "\n\n", "%s%n", "\\"}) {
    DR_RETURN_IF_ERROR(PutAndRead(trial, "speech", value));
  }
  return absl::OkStatus();
}

absl::Status KeepsLengths(const Trial& trial) {
  const std::uint64_t max =
      std::min<std::uint64_t>(trial.store.capabilities().max_value_bytes, 256 << 10);
  for (std::uint64_t near = 2; near <= max; near *= 8) {
    for (std::uint64_t length : {near - 1, near, near + 1}) {
      if (length > max) continue;
      DR_RETURN_IF_ERROR(PutAndRead(trial, "length", std::string(length, 'l')));
    }
  }
  return absl::OkStatus();
}

absl::Status KeepsTheLongest(const Trial& trial) {
  std::string value(std::min(trial.store.capabilities().max_value_bytes, kLongest), 'v');
  for (std::size_t i = 0; i < value.size(); i += 251) value[i] = static_cast<char>(i >> 8);
  return PutAndRead(trial, "longest", value);
}

absl::Status RefusesTooLong(const Trial& trial) {
  const std::string value(trial.store.capabilities().max_value_bytes + 1, 'v');
  DR_RETURN_IF_ERROR(
      ExpectCode(absl::StatusCode::kInvalidArgument, trial.Put("long", value).status(), "Put"));
  return trial.ExpectNothing("long");
}

absl::Status ReplacesAll(const Trial& trial) {
  DR_RETURN_IF_ERROR(PutAndRead(trial, "a", std::string(100'000, 'l')));
  DR_RETURN_IF_ERROR(PutAndRead(trial, "a", "short"));
  return PutAndRead(trial, "a", "");
}

absl::Status NamesVersions(const Trial& trial) {
  DR_ASSIGN_OR_RETURN(Version put, trial.Put("a", "1"));
  for (int i = 0; i < 3; ++i) {
    DR_ASSIGN_OR_RETURN(Item item, trial.Get("a"));
    DR_RETURN_IF_ERROR(Expect(item.version == put, "Get and Put name different versions"));
  }
  return absl::OkStatus();
}

absl::Status EqualBytesDiffer(const Trial& trial) {
  for (std::string_view value : {"same bytes", ""}) {
    DR_ASSIGN_OR_RETURN(Version first, trial.Put("same", value));
    DR_ASSIGN_OR_RETURN(Version second, trial.Put("same", value));
    DR_RETURN_IF_ERROR(Expect(first != second, "equal bytes, put twice, have one version"));
  }
  return absl::OkStatus();
}

absl::Status LeavesOthers(const Trial& trial) {
  DR_ASSIGN_OR_RETURN(Version kept, trial.Put("kept", "1"));
  DR_RETURN_IF_ERROR(trial.Put("kepu", "2").status());
  DR_RETURN_IF_ERROR(trial.Put("kep", "3").status());
  DR_RETURN_IF_ERROR(trial.Delete("kep"));
  DR_ASSIGN_OR_RETURN(Item item, trial.Get("kept"));
  return Expect(item.value == "1" && item.version == kept, "a put or delete changed another key");
}

absl::Status AreSeenByOthers(const Trial& first, const Trial& second) {
  for (int i = 0; i < 20; ++i) {
    const std::string value = fmt::format("{}", i);
    DR_ASSIGN_OR_RETURN(Version version, first.Put("a", value));
    DR_ASSIGN_OR_RETURN(Item item, second.Get("a"));
    DR_RETURN_IF_ERROR(Expect(item.value == value && item.version == version,
                              "the other client does not see what was put"));
    DR_RETURN_IF_ERROR(first.Delete("a"));
    DR_RETURN_IF_ERROR(second.ExpectNothing("a"));
  }
  return absl::OkStatus();
}

bool WithShortValues(const Capabilities& can) { return can.max_value_bytes < (65 << 20); }

constexpr AdapterCase kCases[] = {
    {"The store is usable", Always, One<IsUsable>},
    {"A value is read back as it was put", Always, One<ReadsBack>},
    {"A value of no bytes is a value", Always, One<KeepsEmpty>},
    {"A value is any bytes", Always, One<KeepsAllBytes>},
    {"A value that means something to the server is bytes like others", Always, One<KeepsSpeech>},
    {"A value has any length", Always, One<KeepsLengths>},
    {"A value is as long as is declared, or 4 MiB", Always, One<KeepsTheLongest>},
    {"A value that is too long is refused and leaves no trace", WithShortValues,
     One<RefusesTooLong>},
    {"A shorter value leaves nothing of a longer one", Always, One<ReplacesAll>},
    {"Get names the version that Put named", Always, One<NamesVersions>},
    {"Equal bytes put twice have two versions", Always, One<EqualBytesDiffer>},
    {"A put or delete changes no other key", Always, One<LeavesOthers>},
    {"What one client did the next call of another sees", Always, Two<AreSeenByOthers>},
};

}  // namespace

std::span<const AdapterCase> ValueCases() { return kCases; }

}  // namespace dr::inline v0
