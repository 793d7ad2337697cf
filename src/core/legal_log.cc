#include "core/legal_log.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

#include "base/error.h"
#include "base/units.h"
#include "core/php_text.h"
#include "core/wall_clock.h"

namespace dolibarr_backup {
namespace {

constexpr int kFirstVersionWithJson = 18;
constexpr size_t kLinksKept = 16;
constexpr std::array<std::string_view, 6> kHeadFields = {
    "date_creation", "action", "amounts", "ref_object", "date_object", "user_fullname"};

// The layers below this one have no hash, and core may not see stream.
std::string sha256_of(std::initializer_list<std::string_view> parts) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  unsigned char raw[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  bool done = context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  for (const std::string_view part : parts)
    done = done && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  if (!done || EVP_DigestFinal_ex(context.get(), raw, &size) != 1)
    throw Error(Errc::bug, "OpenSSL failed to hash");
  return to_hex({reinterpret_cast<const char*>(raw), size});
}

// "22.0.4" -> 22; 0 for none.
int major_version(std::string_view text) {
  int major = 0;
  std::from_chars(text.data(), text.data() + text.size(), major);
  return major;
}

std::vector<std::string> epoch_texts(const std::optional<int64_t>& wall, const std::string& zone) {
  if (!wall) return {""};
  std::vector<std::string> texts;
  for (const int64_t time : unix_times_of(*wall, zone)) texts.push_back(std::to_string(time));
  return texts;
}

std::vector<std::string> heads_of(const LegalLogRow& row, const std::string& zone) {
  std::vector<std::string> heads;
  for (const std::string& created : epoch_texts(row.created, zone))
    for (const std::string& dated : epoch_texts(row.dated, zone))
      heads.push_back(fmt::format("{}|{}|{}|{}|{}|{}", created, row.action,
                                  php_float_text(row.amounts), row.ref_object, dated,
                                  row.user_fullname));
  return heads;
}

bool holds(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t end; (end = text.find('|')) != std::string_view::npos; text.remove_prefix(end + 1))
    parts.push_back(text.substr(0, end));
  parts.push_back(text);
  return parts;
}

std::string shown_field(size_t field, std::string_view text) {
  int64_t seconds = 0;
  const bool is_time =
      kHeadFields[field].starts_with("date_") && !text.empty() &&
      std::from_chars(text.data(), text.data() + text.size(), seconds).ec == std::errc();
  if (is_time) return format_instant(Instant(std::chrono::seconds(seconds)));
  return text.empty() ? "(nothing)" : std::string(text);
}

// What differs from the copy that Dolibarr 22 and later keep in debuginfo, as
// " (amounts 100 -> 120)"; "" if that cannot be told.
std::string content_difference(const LegalLogRow& row, const std::vector<std::string>& heads) {
  if (row.debuginfo.empty() || heads.empty()) return "";
  if (holds(heads, row.debuginfo)) return " (object_data)";
  const std::vector<std::string_view> before = split(row.debuginfo), now = split(heads.front());
  if (before.size() != kHeadFields.size() || now.size() != kHeadFields.size()) return "";
  std::vector<std::string> differences;
  for (size_t i = 0; i < kHeadFields.size(); ++i)
    if (before[i] != now[i])
      differences.push_back(fmt::format("{} {} -> {}", kHeadFields[i], shown_field(i, before[i]),
                                        shown_field(i, now[i])));
  return fmt::format(" ({})", fmt::join(differences, ", "));
}

bool is_reset(const LegalLogRow& row) {
  return row.action == "MODULE_RESET" && !row.signature.empty() &&
         row.signature.find_first_not_of('0') == std::string::npos;
}

}  // namespace

LegalLogFormat format_of(const LegalLogRow& row) {
  if (row.object_format == "V2") return LegalLogFormat::hmac;
  if (row.object_format != "" && row.object_format != "V1") return LegalLogFormat::unknown;
  const int version = major_version(row.object_version);
  if (version >= kFirstVersionWithJson) return LegalLogFormat::json;
  if (version > 0) return LegalLogFormat::serialized;
  return row.object_data.starts_with('{') ? LegalLogFormat::json : LegalLogFormat::serialized;
}

LegalLogHashes hashes_of(const LegalLogRow& row, const std::string& salt,
                         const std::string& previous_signature, const std::string& time_zone) {
  LegalLogHashes hashes;
  const LegalLogFormat format = format_of(row);
  PrintedValue printed;
  if (format == LegalLogFormat::unknown) {
    hashes.problem = "its format '" + row.object_format + "' is unknown";
  } else if (format == LegalLogFormat::serialized) {
    printed = print_php_serialized(row.object_data);
    hashes.inconclusive = printed.foreign_class;
    if (!printed.text) hashes.problem = "its data cannot be read: " + printed.problem;
  }
  if (!hashes.problem.empty() || format == LegalLogFormat::hmac) return hashes;
  const std::string& data = printed.text ? *printed.text : row.object_data;
  hashes.heads = heads_of(row, time_zone);
  for (const std::string& head : hashes.heads) {
    hashes.line.push_back(sha256_of({salt, head, "|", data}));
    hashes.chained.push_back(sha256_of({salt, previous_signature, head, "|", data}));
  }
  return hashes;
}

LegalLogChain::LegalLogChain(int64_t entity, LegalLogSecrets secrets, std::string time_zone,
                             LegalLogCounts& counts)
    : entity_(entity),
      secrets_(std::move(secrets)),
      time_zone_(std::move(time_zone)),
      counts_(counts) {}

void LegalLogChain::add(const LegalLogRow& row, const std::string& skipped) {
  ++counts_.rows;
  const std::string previous = links_.empty() ? secrets_.genesis.value_or("") : last_signature();
  const LegalLogHashes hashes = hashes_of(row, secrets_.salt, previous, time_zone_);
  const bool needs_key = format_of(row) == LegalLogFormat::hmac;
  Link link{row.rowid, row.signature, {}, false};
  if (needs_key) {
    settle();
    ++counts_.needs_key;
  } else if (!hashes.problem.empty()) {
    settle();
    ++counts_.unverifiable;
    ++counts_.unverifiable_reasons[hashes.problem];
  } else {
    const uint64_t verified = counts_.verified;
    judge(row, hashes, skipped);
    link.recomputed = hashes.chained;
    link.verified = counts_.verified > verified;
  }
  links_.push_back(std::move(link));
  if (links_.size() <= kLinksKept) return;
  links_.pop_front();
  whole_ = false;
}

void LegalLogChain::judge(const LegalLogRow& row, const LegalLogHashes& hashes,
                          const std::string& skipped) {
  const bool known_line = !row.signature_line.empty();
  const bool line_fits = !known_line || holds(hashes.line, row.signature_line);
  const bool chained = holds(hashes.chained, row.signature);
  if (line_fits && !chained && !is_reset(row) && explain_by_earlier(row)) {
    settle();
    ++counts_.verified;
    return;
  }
  settle();
  if (line_fits && chained) {
    ++counts_.verified;
  } else if (hashes.inconclusive) {
    ++counts_.unverifiable;
    ++counts_.unverifiable_reasons["its data hold an object of a class that PHP may print anew"];
  } else if (line_fits && is_reset(row)) {
    ++counts_.resets;
  } else if (chained) {
    set_broken(row.rowid, "its signature_line was changed");
  } else if (!line_fits) {
    set_broken(row.rowid, "its content was changed" + content_difference(row, hashes.heads));
  } else {
    const bool differs = !row.debuginfo.empty() && !holds(hashes.heads, row.debuginfo);
    set_broken(row.rowid, differs
                              ? "its content was changed" + content_difference(row, hashes.heads)
                              : broken_link(row, skipped));
  }
}

// A row that fits something else than the signature stored before it proves itself sound
// and tells what happened to that one.
bool LegalLogChain::explain_by_earlier(const LegalLogRow& row) {
  const auto fits = [&](const std::string& previous) {
    return holds(hashes_of(row, secrets_.salt, previous, time_zone_).chained, row.signature);
  };
  if (links_.empty()) return false;
  if (!links_.back().verified) {
    for (const std::string& signature : links_.back().recomputed) {
      if (!fits(signature)) continue;
      // Its own judgement named the symptom; this is the cause.
      if (pending_) pending_->culprit = "its signature was changed";
      return true;
    }
  }
  for (size_t i = links_.size() - 1; i-- > 0;) {
    if (!fits(links_[i].signature)) continue;
    call_inserted(i + 1);
    return true;
  }
  if (!whole_ || !secrets_.genesis || !fits(*secrets_.genesis)) return false;
  call_inserted(0);
  return true;
}

void LegalLogChain::call_inserted(size_t first) {
  const std::string what = "it was inserted";
  for (size_t i = first; i < links_.size(); ++i) {
    if (pending_ && pending_->rowid == links_[i].rowid) pending_->culprit = what;
    if (!links_[i].verified) continue;
    links_[i].verified = false;
    --counts_.verified;
    ++counts_.broken;
    name_culprit(links_[i].rowid, what);
  }
}

std::string LegalLogChain::broken_link(const LegalLogRow& row, const std::string& skipped) const {
  const std::string own = row.signature_line.empty() ? ", or its own content was changed" : "";
  const std::string gone = skipped.empty() ? "" : " (" + skipped + ")";
  if (links_.empty() && !secrets_.genesis)
    return "the log's beginning, BLOCKEDLOG_ENTITY_FINGERPRINT, is gone";
  if (links_.empty())
    return fmt::format(
        "it does not follow the log's beginning: rows before it are gone{}, or "
        "BLOCKEDLOG_ENTITY_FINGERPRINT was changed{}",
        gone, own);
  if (!skipped.empty())
    return fmt::format("it does not follow rowid {}: what lay between them is gone{}{}",
                       links_.back().rowid, gone, own);
  return fmt::format(
      "it does not follow rowid {}: the row before it changed or is gone, or this one was "
      "signed anew",
      links_.back().rowid);
}

void LegalLogChain::set_broken(int64_t rowid, const std::string& what) {
  ++counts_.broken;
  pending_ = Pending{rowid, what};
}

void LegalLogChain::settle() {
  if (pending_) name_culprit(pending_->rowid, pending_->culprit);
  pending_.reset();
}

void LegalLogChain::name_culprit(int64_t rowid, const std::string& what) {
  if (counts_.culprits.size() < LegalLogCounts::kGreatestCulprits)
    counts_.culprits.push_back(fmt::format("entity {}, rowid {}: {}", entity_, rowid, what));
}

}  // namespace dolibarr_backup
