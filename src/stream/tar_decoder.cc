#include "stream/tar_decoder.h"

#include <archive.h>
#include <archive_entry.h>

#include <exception>
#include <utility>

#include "base/error.h"
#include "stream/utf8_scope.h"

namespace dolibarr_backup {
namespace {

constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;

struct FreeReader {
  void operator()(archive* reader) const { archive_read_free(reader); }
};

std::string plain(const char* path) {
  std::string text = path ? path : "";
  if (text.starts_with("./")) text.erase(0, 2);
  while (text.ends_with('/')) text.pop_back();
  return text;
}

TarEntry header_of(archive_entry* entry) {
  TarEntry header;
  header.path = plain(archive_entry_pathname(entry));
  if (const char* target = archive_entry_hardlink(entry)) {
    header.type = TarEntry::Type::hard_link;
    header.target = target;
  } else if (archive_entry_filetype(entry) == AE_IFDIR) {
    header.type = TarEntry::Type::directory;
  } else if (archive_entry_filetype(entry) == AE_IFLNK) {
    header.type = TarEntry::Type::symlink;
    if (const char* text = archive_entry_symlink(entry)) header.target = text;
  }
  header.size = static_cast<uint64_t>(archive_entry_size(entry));
  header.mtime_ns =
      archive_entry_mtime(entry) * kNanosecondsPerSecond + archive_entry_mtime_nsec(entry);
  header.mode = archive_entry_perm(entry);
  header.uid = static_cast<uint32_t>(archive_entry_uid(entry));
  header.gid = static_cast<uint32_t>(archive_entry_gid(entry));
  return header;
}

}  // namespace

struct TarDecoder::State {
  std::function<Bytes()> next_block;
  std::exception_ptr thrown;  // by next_block, which runs inside of C
  std::unique_ptr<archive, FreeReader> reader{archive_read_new()};

  static la_ssize_t read(archive*, void* self, const void** block) {
    State& state = *static_cast<State*>(self);
    try {
      const Bytes bytes = state.next_block();
      *block = bytes.data();
      return static_cast<la_ssize_t>(bytes.size());
    } catch (...) {
      state.thrown = std::current_exception();
      return ARCHIVE_FATAL;
    }
  }

  // ARCHIVE_WARN: a name that is not UTF-8, taken as the bytes it is.
  void require(la_ssize_t result) {
    if (thrown) std::rethrow_exception(std::exchange(thrown, nullptr));
    if (result >= 0 || result == ARCHIVE_WARN) return;
    const char* reason = archive_error_string(reader.get());
    throw Error(Errc::corrupt, std::string("not a tar: ") + (reason ? reason : "no reason given"));
  }
};

TarDecoder::TarDecoder(std::function<Bytes()> next_block) : state_(std::make_unique<State>()) {
  state_->next_block = std::move(next_block);
  archive* reader = state_->reader.get();
  if (!reader) throw std::bad_alloc();
  state_->require(archive_read_support_format_tar(reader));
  state_->require(archive_read_open(reader, state_.get(), nullptr, State::read, nullptr));
}

TarDecoder::~TarDecoder() = default;

std::optional<TarDecoder::Entry> TarDecoder::next() {
  const Utf8Scope utf8;
  archive_entry* entry = nullptr;
  const int result = archive_read_next_header(state_->reader.get(), &entry);
  if (result == ARCHIVE_EOF && !state_->thrown) return std::nullopt;
  state_->require(result);
  return Entry{header_of(entry),
               static_cast<uint64_t>(archive_read_header_position(state_->reader.get()))};
}

size_t TarDecoder::read(MutableBytes buffer) {
  const la_ssize_t got = archive_read_data(state_->reader.get(), buffer.data(), buffer.size());
  state_->require(got);
  return got > 0 ? static_cast<size_t>(got) : 0;
}

}  // namespace dolibarr_backup
