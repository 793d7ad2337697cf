#include "documents/tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>

#include "stream/digest.h"
#include "stream/gzip.h"
#include "support/child_process.h"

namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr int64_t kFirstMtimeNs = 1'767'225'600'123'456'789;  // 2026-01-01 and a bit

void put(const std::string& path, std::string_view content, std::ios::openmode mode) {
  std::ofstream file(path, std::ios::binary | mode);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  if (!file.flush()) throw Error(Errc::source, "cannot write " + path);
}

std::string facts_of(const std::string& path, const struct stat& status) {
  std::string facts = fmt::format("{:o} {}:{} {}.{:09}", status.st_mode, status.st_uid,
                                  status.st_gid, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  if (S_ISLNK(status.st_mode)) facts += " -> " + fs::read_symlink(path).string();
  if (S_ISREG(status.st_mode))
    facts += fmt::format(" {} {}", status.st_size, sha256_hex(read_whole(path)));
  return facts;
}

// What GNU tar notes of names that are not UTF-8 and of times far away; it restores both.
bool only_harmless(const std::string& errors) {
  std::istringstream lines(errors);
  for (std::string line; std::getline(lines, line);)
    if (line.find("extended header keyword 'hdrcharset'") == std::string::npos &&
        line.find(" time stamp ") == std::string::npos)
      return false;
  return true;
}

}  // namespace

void Tree::write(const std::string& name, std::string_view content) const {
  fs::create_directories(fs::path(path(name)).parent_path());
  put(path(name), content, std::ios::trunc);
  set_mtime(name, kFirstMtimeNs + static_cast<int64_t>(content.size()));
}

void Tree::append(const std::string& name, std::string_view content) const {
  put(path(name), content, std::ios::app);
}

void Tree::make_folder(const std::string& name) const {
  fs::create_directories(path(name));
}

void Tree::set_mtime(const std::string& name, int64_t ns) const {
  int64_t seconds = ns / kNanosecondsPerSecond;
  int64_t rest = ns % kNanosecondsPerSecond;
  if (rest < 0) {
    --seconds;
    rest += kNanosecondsPerSecond;
  }
  const timespec times[2] = {{0, UTIME_OMIT}, {seconds, rest}};
  if (::utimensat(AT_FDCWD, path(name).c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
    throw Error(Errc::source, "cannot set the time of " + path(name) + ": " + errno_text(errno));
}

DocumentsSource Tree::source(unsigned workers) const {
  return {.root = root(), .workers = workers};
}

std::string random_bytes(size_t count, uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::string bytes(count, '\0');
  for (size_t at = 0; at < count; at += 8) {
    const uint64_t value = generator();
    std::memcpy(bytes.data() + at, &value, std::min<size_t>(8, count - at));
  }
  return bytes;
}

std::string text_of(size_t count) {
  std::string text;
  text.reserve(count + 64);
  for (size_t line = 0; text.size() < count; ++line)
    text += "line " + std::to_string(line * 7919) + " of an invoice\n";
  text.resize(count);
  return text;
}

std::string read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(Errc::source, "cannot read " + path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TreeFacts describe_tree(const std::string& root) {
  TreeFacts facts;
  std::map<ino_t, std::vector<std::string>> links;
  const auto add = [&](const std::string& name, const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0)
      throw Error(Errc::source, "cannot look at " + path + ": " + errno_text(errno));
    facts[name] = facts_of(path, status);
    if (S_ISREG(status.st_mode) && status.st_nlink > 1) links[status.st_ino].push_back(name);
  };
  add("", root);
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root))
    add(entry.path().string().substr(root.size() + 1), entry.path().string());
  for (auto& [inode, names] : links) {
    std::sort(names.begin(), names.end());
    if (names.size() < 2) continue;  // the others lie elsewhere
    for (const std::string& name : names) facts[name] += " = " + names[0];
  }
  return facts;
}

std::string_view Captured::packed(const ManifestMember& member) const {
  return std::string_view(archive).substr(member.offset, member.length);
}

const ManifestEntry& Captured::entry(const std::string& path) const {
  const ManifestEntry* found = nullptr;
  for (const ManifestEntry& one : entries) {
    if (one.path != path) continue;
    EXPECT_EQ(found, nullptr) << path << " stands twice in the manifest";
    found = &one;
  }
  if (!found) throw Error(Errc::bug, path + " does not stand in the manifest");
  return *found;
}

std::vector<std::string> Captured::problem_texts() const {
  std::vector<std::string> texts;
  for (const ManifestProblem& problem : problems)
    texts.push_back(problem.kind + " " + problem.path);
  return texts;
}

Captured capture(const DocumentsSource& source, std::function<void()> hook) {
  Progress progress;
  HookedSink archive(std::move(hook)), manifest;
  Captured captured;
  captured.result = capture_documents(source, archive, manifest, progress, {});
  captured.archive = std::move(archive.text);
  captured.manifest = manifest_header() + manifest.text;
  ManifestParser parser;
  std::istringstream lines(captured.manifest);
  for (std::string line; std::getline(lines, line);) {
    const std::optional<ManifestLine> parsed = parser.parse(line);
    if (!parsed) continue;
    if (const auto* member = std::get_if<ManifestMember>(&*parsed))
      captured.members.push_back(*member);
    if (const auto* entry = std::get_if<ManifestEntry>(&*parsed))
      captured.entries.push_back(*entry);
    if (const auto* checksum = std::get_if<ManifestChecksum>(&*parsed)) {
      EXPECT_TRUE(captured.checksums.emplace(checksum->path, checksum->sha256).second) << line;
    }
    if (const auto* excluded = std::get_if<ManifestExcluded>(&*parsed))
      captured.excluded.push_back(*excluded);
    if (const auto* problem = std::get_if<ManifestProblem>(&*parsed))
      captured.problems.push_back(*problem);
  }
  EXPECT_EQ(captured.problems, captured.result.problems);
  return captured;
}

DocumentsSurvey survey(const DocumentsSource& source) {
  Progress progress;
  return survey_documents(source, {}, progress, {});
}

void unpack_with_tar(const std::string& archive, const std::string& folder) {
  const TempDir scratch;
  put(scratch / "docs.tar.gz", archive, std::ios::trunc);
  fs::create_directories(folder);
  // -p, as tar does by itself for root.
  const CommandResult result =
      run_command({.argv = {"tar", "-xpzf", scratch / "docs.tar.gz", "-C", folder},
                   .environment = {{"LC_ALL", "C.UTF-8"}}});
  if (result.status != 0 || !only_harmless(result.errors))
    throw Error(Errc::corrupt, fmt::format("tar: {} {}", result.status, result.errors));
}

std::string check_with_sha256sum(const Captured& captured, const std::string& folder) {
  const TempDir scratch;
  StringSink packed;
  GzipSink gzip(packed);
  gzip.write(std::string_view(captured.manifest));
  gzip.finish();
  put(scratch / "manifest.gz", packed.text(), std::ios::trunc);
  const CommandResult result = run_command(
      {.argv = {"/bin/sh", "-c", "cd \"$1\" && zcat \"$2\" | sha256sum -c --strict --quiet", "sh",
                folder, scratch / "manifest.gz"}});
  return result.status == 0 && result.errors.empty() ? "" : result.output + result.errors;
}

std::string unpack_member(std::string_view packed) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) throw std::bad_alloc();
  std::string plain(8 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(plain.data());
  stream.avail_out = static_cast<uInt>(plain.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  EXPECT_EQ(stream.avail_in, 0u) << "more than one member";
  plain.resize(stream.total_out);
  inflateEnd(&stream);
  return plain;
}

std::string tar_path_at(std::string_view tar, size_t offset) {
  std::string path;
  for (;;) {
    if (offset + 512 > tar.size() || tar.substr(offset + 257, 5) != "ustar") return "";
    const std::string_view header = tar.substr(offset, 512);
    const auto field = [&](size_t at, size_t length) {
      const std::string_view text = header.substr(at, length);
      return std::string(text.substr(0, text.find('\0')));
    };
    if (header[156] == 'x') {
      const size_t size = std::stoul(field(124, 12), nullptr, 8);
      std::string_view records = tar.substr(offset + 512, size);
      while (!records.empty()) {  // "LENGTH keyword=value\n"
        const size_t length = std::stoul(std::string(records.substr(0, records.find(' '))));
        const std::string_view record = records.substr(0, length - 1);
        const std::string_view pair = record.substr(record.find(' ') + 1);
        if (pair.starts_with("path=")) path = pair.substr(5);
        records.remove_prefix(length);
      }
      offset += 512 + (size + 511) / 512 * 512;
      continue;
    }
    if (path.empty()) {
      const std::string prefix = field(345, 155);
      path = (prefix.empty() ? "" : prefix + "/") + field(0, 100);
    }
    return path;
  }
}

}  // namespace dolibarr_backup
