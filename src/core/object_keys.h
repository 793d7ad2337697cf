#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/units.h"

/// Every object name in the bucket is built and parsed here, nowhere else
/// (docs/format.md, "Layout").
namespace dolibarr_backup {

enum class Half { db, docs };
inline constexpr Half kHalves[] = {Half::db, Half::docs};
std::string_view name_of(Half half);

/// A run's name: "20260630T021500Z-k3f7qa". Its start in UTC, then 6 characters
/// of base32 (RFC 4648, lower case), so that two runs in one second never share
/// a key. Names order by time as text.
class RunId {
 public:
  /// `random_bits`: at least 30 bits of entropy.
  static RunId make(Instant start, uint32_t random_bits);
  static std::optional<RunId> parse(std::string_view text);

  const std::string& text() const { return text_; }
  Instant start() const { return start_; }
  auto operator<=>(const RunId& other) const { return text_ <=> other.text_; }
  bool operator==(const RunId& other) const { return text_ == other.text_; }

 private:
  RunId(std::string text, Instant start) : text_(std::move(text)), start_(start) {}
  std::string text_;
  Instant start_;
};

/// What an object under an environment's prefix is, by its name alone.
struct ParsedKey {
  enum class Kind {
    archive,            ///< one of ours: `run` and `half` are set
    reference_archive,  ///< of the reference script: bare <ts>, `half` and `taken` are set
    manifest,           ///< `run` and `half` are set
    run_record,         ///< `run` is set
    hold,               ///< `held` is set: the archive's key
    pointer,            ///< .fp-db, .fp-docs, RESTORE.txt
    unknown,            ///< not ours; never touched
  };
  Kind kind = Kind::unknown;
  std::optional<Half> half;
  std::optional<RunId> run;
  std::optional<Instant> taken;  ///< archives: when
  std::string held;
};

/// Builds and parses the keys of one environment.
class KeySpace {
 public:
  /// `prefix` without slashes at its ends, e.g. "erp/prod".
  explicit KeySpace(std::string prefix);

  const std::string& prefix() const { return prefix_; }
  std::string everything() const { return prefix_ + "/"; }
  std::string runs() const { return prefix_ + "/runs/"; }
  std::string archive(const RunId& run, Half half) const;
  std::string manifest(const RunId& run, Half half) const;
  std::string run_record(const RunId& run) const;
  /// The hold of an archive: its key relative to the prefix, '/' replaced by '_'.
  std::string hold(std::string_view archive_key) const;
  std::string fingerprint_pointer(Half half) const;
  std::string restore_text() const;
  /// The manifest that belongs to an archive of ours, by name.
  std::string manifest_of(std::string_view archive_key) const;

  ParsedKey parse(std::string_view key) const;

 private:
  std::string prefix_;
};

}  // namespace dolibarr_backup
