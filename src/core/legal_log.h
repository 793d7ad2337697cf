#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Dolibarr's legal log (llx_blockedlog): rows that are chained by hashes, so that none can
/// be edited, inserted or removed unseen. Pure: rows in, judgements out.
namespace dolibarr_backup {

/// One row as the database holds it; a column that this version of Dolibarr lacks, or that
/// is null, is empty.
struct LegalLogRow {
  int64_t rowid = 0;
  int64_t entity = 1;
  std::optional<int64_t> created, dated;  ///< date_creation, date_object: wall clock, seconds
  std::string action, ref_object, user_fullname, object_data, object_version, object_format;
  double amounts = 0;
  std::string signature, signature_line, debuginfo;
};

/// How a row was hashed.
enum class LegalLogFormat {
  json,        ///< Dolibarr 18 and later, and "V1": the data as they are stored
  serialized,  ///< before 18: what print_r shows of them
  hmac,        ///< "V2": needs a key that lies outside of the database
  unknown,     ///< a format that this program does not know
};
LegalLogFormat format_of(const LegalLogRow& row);

/// What all rows of one entity are hashed with.
struct LegalLogSecrets {
  std::string salt;                    ///< MAIN_SECURITY_SALT; "" if Dolibarr set none
  std::optional<std::string> genesis;  ///< BLOCKEDLOG_ENTITY_FINGERPRINT
};

/// A row's own hash and its hash chained to the signature before it; several of each where
/// its time stamps can be read in two ways.
struct LegalLogHashes {
  std::vector<std::string> line, chained;
  std::vector<std::string> heads;  ///< what was hashed, but for the data; as in debuginfo
  std::string problem;             ///< why there are none; "" if there are
  bool inconclusive = false;       ///< a mismatch proves nothing (PrintedValue::foreign_class)
};
/// Throws Errc::config for an unknown zone.
LegalLogHashes hashes_of(const LegalLogRow& row, const std::string& salt,
                         const std::string& previous_signature, const std::string& time_zone);

/// What the check of a log counted; each row is in exactly one of verified, needs_key,
/// unverifiable, resets and broken.
struct LegalLogCounts {
  uint64_t rows = 0;
  uint64_t verified = 0;
  uint64_t needs_key = 0;     ///< "V2" rows
  uint64_t unverifiable = 0;  ///< neither proven nor refuted
  uint64_t resets = 0;        ///< MODULE_RESET: the module was switched off and on again
  uint64_t broken = 0;
  std::map<std::string, uint64_t> unverifiable_reasons;
  /// Which rows, and what is wrong: "entity 1, rowid 17: its content was changed". The first
  /// kGreatestCulprits. A removed row has no row to count: what follows it is broken.
  std::vector<std::string> culprits;

  static constexpr size_t kGreatestCulprits = 20;
};

/// Judges one entity's rows, given in order of rowid. A row's judgement is final when the
/// next one was seen, which tells an edited row, an edited signature and an inserted row
/// apart. Memory: a few signatures.
class LegalLogChain {
 public:
  /// `counts` is shared by the chains of a log and must outlive them.
  LegalLogChain(int64_t entity, LegalLogSecrets secrets, std::string time_zone,
                LegalLogCounts& counts);

  /// `skipped`: rowids between the entity's last row and this one that no other entity
  /// has, for people: "rowid 17"; "" if there are none.
  void add(const LegalLogRow& row, const std::string& skipped);
  /// Settles the last row.
  void finish() { settle(); }

  int64_t last_rowid() const { return links_.empty() ? 0 : links_.back().rowid; }
  std::string last_signature() const { return links_.empty() ? "" : links_.back().signature; }

 private:
  struct Link {
    int64_t rowid = 0;
    std::string signature;                // as stored
    std::vector<std::string> recomputed;  // what it should be, if the row's content is sound
    bool verified = false;
  };
  struct Pending {
    int64_t rowid = 0;
    std::string culprit;  // "" if there is nothing to say
  };

  void settle();
  void judge(const LegalLogRow& row, const LegalLogHashes& hashes, const std::string& skipped);
  bool explain_by_earlier(const LegalLogRow& row);
  void call_inserted(size_t first);
  std::string broken_link(const LegalLogRow& row, const std::string& skipped) const;
  void set_broken(int64_t rowid, const std::string& what);
  void name_culprit(int64_t rowid, const std::string& what);

  int64_t entity_;
  LegalLogSecrets secrets_;
  std::string time_zone_;
  LegalLogCounts& counts_;
  std::deque<Link> links_;  // the last few
  bool whole_ = true;       // links_ still holds all rows from the first one
  std::optional<Pending> pending_;
};

}  // namespace dolibarr_backup
