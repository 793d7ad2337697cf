#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The text of manifests, a line at a time, so that a million files fit
/// (docs/format.md, "Manifests"). Pure: the caller moves the bytes.
///
/// Grammar. Every line ends with a newline; the first is the header. A line that
/// begins with '#' is a comment to sha256sum, every other one is for it to check:
///
///     # dolibarr-backup manifest 1
///     # KEY VALUE
///     # table rows=N business=DIGEST digest=DIGEST NAME
///     # member INDEX OFFSET LENGTH UNPACKED
///     # entry TYPE MEMBER OFFSET SIZE MTIME CTIME MODE UID GID PATH[<tab>TARGET]
///     # excluded FILES BYTES REASON<tab>PATH
///     # problem KIND PATH
///     SHA256  PATH
///
/// Fields are separated by one blank. Numbers are decimal, MODE is octal, times
/// are seconds since 1970 with nine decimals, e.g. 1782785700.000000000. The name
/// comes last, so that blanks in it need no quoting. TARGET is there for symbolic
/// ('l') and hard links ('h') only.
///
/// Names, values and reasons are byte strings without NUL. In '#' lines backslash,
/// newline, carriage return and tab are always written \\, \n, \r, \t. A checksum
/// line is escaped as sha256sum does it: tabs stay, and a line whose name needed an
/// escape begins with a backslash. The path "" (the root itself) is written "." in
/// '#' lines; a file in the root named "-" is written "./-" in its checksum line,
/// for sha256sum takes "-" for its standard input. No path begins with "./".
namespace dolibarr_backup {

inline constexpr int kManifestFormat = 1;

/// `# key value`; the value is free text, escaped like a path. The key has no blank
/// and is none of the words that the grammar reserves.
struct ManifestFact {
  std::string key, value;
  bool operator==(const ManifestFact&) const = default;
};
/// A bare `sha256  path` line, checked by sha256sum -c.
struct ManifestChecksum {
  std::string sha256, path;
  bool operator==(const ManifestChecksum&) const = default;
};
/// `# table rows=… business=… digest=… name`. Digests may be "".
struct ManifestTable {
  uint64_t rows = 0;
  std::string business_digest, rows_digest;
  std::string name;  ///< "schema.table", unquoted
  bool operator==(const ManifestTable&) const = default;
};
/// `# member index offset length` of the gzip member in the archive, and the
/// length of what it unpacks to.
struct ManifestMember {
  uint64_t index = 0, offset = 0, length = 0, unpacked_length = 0;
  bool operator==(const ManifestMember&) const = default;
};
/// One entry of the tar; followed, for regular files and hard links, by its checksum line.
struct ManifestEntry {
  enum class Type : char {
    file = 'f',
    directory = 'd',
    symlink = 'l',
    hard_link = 'h',
    other = 'o'
  };
  Type type = Type::file;
  uint64_t member = 0;         ///< member that holds its tar header
  uint64_t member_offset = 0;  ///< where, in the unpacked member
  uint64_t size = 0;
  int64_t mtime_ns = 0, ctime_ns = 0;
  uint32_t mode = 0, uid = 0, gid = 0;
  std::string path;    ///< relative to the documents root; "" is the root itself, written "."
  std::string target;  ///< of a symlink: its text; of a hard link: the path it equals
  bool operator==(const ManifestEntry&) const = default;
};
/// `# excluded files bytes reason<tab>path`: a folder left out, and what it held.
struct ManifestExcluded {
  uint64_t files = 0, bytes = 0;
  std::string reason, path;
  bool operator==(const ManifestExcluded&) const = default;
};
/// `# problem kind path`: a file that could not be captured as it is, or a note.
struct ManifestProblem {
  std::string kind;  ///< "vanished" (a note), "changing", "unreadable", "special"
  std::string path;
  bool operator==(const ManifestProblem&) const = default;
};

using ManifestLine = std::variant<ManifestFact, ManifestChecksum, ManifestTable, ManifestMember,
                                  ManifestEntry, ManifestExcluded, ManifestProblem>;

/// The line with its newline. Throws Errc::bug for what the grammar cannot say: a
/// reserved key, a blank in a key, kind or digest, a NUL.
std::string to_text(const ManifestLine& line);
/// The first line of every manifest.
std::string manifest_header();

/// Reads a manifest line by line. Unknown `# key` lines come back as facts.
/// parse(to_text(x)) == x for every line x that to_text() accepts.
class ManifestParser {
 public:
  /// `line` without its newline. nullopt for the header, which must come first,
  /// and for empty lines.
  /// Throws Errc::corrupt for what cannot be a manifest line, or a newer format.
  std::optional<ManifestLine> parse(std::string_view line);

 private:
  bool header_seen_ = false;
};

}  // namespace dolibarr_backup
