// The words of a status, and how bad each finding is.
#include "base/error.h"
#include "core/status.h"

namespace dolibarr_backup {
namespace {

struct KindRow {
  FindingKind kind;
  std::string_view word;
  Severity severity;
};

constexpr KindRow kKinds[] = {
    {FindingKind::unreadable, "unreadable", Severity::failure},
    {FindingKind::never, "never", Severity::failure},
    {FindingKind::damaged, "damaged", Severity::failure},
    {FindingKind::clock, "clock", Severity::failure},
    {FindingKind::broken_chain, "broken-chain", Severity::failure},
    {FindingKind::broken_restore, "broken-restore", Severity::failure},
    {FindingKind::stale, "stale", Severity::failure},
    {FindingKind::incomplete, "incomplete", Severity::failure},
    {FindingKind::torn, "torn", Severity::failure},
    {FindingKind::no_point, "no-point", Severity::failure},
    {FindingKind::failed, "failed", Severity::failure},
    {FindingKind::collapsed, "collapsed", Severity::failure},
    {FindingKind::unproven, "unproven", Severity::failure},
    {FindingKind::verify_failed, "verify-failed", Severity::failure},
    {FindingKind::damaged_earlier, "damaged-earlier", Severity::warning},
    {FindingKind::gap, "gap", Severity::warning},
    {FindingKind::shrunk, "shrunk", Severity::warning},
    {FindingKind::missing_documents, "missing-documents", Severity::warning},
    {FindingKind::drill_overdue, "drill-overdue", Severity::warning},
    {FindingKind::verify_overdue, "verify-overdue", Severity::warning},
    {FindingKind::prune_refused, "prune-refused", Severity::warning},
    {FindingKind::two_tools, "two-tools", Severity::warning},
    {FindingKind::not_off_site, "not-off-site", Severity::warning},
    {FindingKind::no_key, "no-key", Severity::warning},
    {FindingKind::orphans, "orphans", Severity::note},
    {FindingKind::uploads, "uploads", Severity::note},
    {FindingKind::not_ours, "not-ours", Severity::note},
};

const KindRow& row_of(FindingKind kind) {
  for (const KindRow& row : kKinds)
    if (row.kind == kind) return row;
  throw Error(Errc::bug, "a finding without a name");
}

}  // namespace

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::note:
      return "note";
    case Severity::warning:
      return "warning";
    case Severity::failure:
      return "failure";
  }
  throw Error(Errc::bug, "a severity without a name");
}

Severity severity_of(FindingKind kind) {
  return row_of(kind).severity;
}

std::string_view name_of(FindingKind kind) {
  return row_of(kind).word;
}

std::vector<FindingKind> finding_kinds() {
  std::vector<FindingKind> kinds;
  for (const KindRow& row : kKinds) kinds.push_back(row.kind);
  return kinds;
}

std::string_view name_of(CoverageGap::Reason reason) {
  switch (reason) {
    case CoverageGap::Reason::before_first:
      return "before the first backup";
    case CoverageGap::Reason::lost:
      return "lost";
    case CoverageGap::Reason::missed:
      return "missed";
  }
  throw Error(Errc::bug, "a gap without a reason");
}

std::string_view verdict_word(const std::optional<FindingKind>& verdict) {
  return verdict ? name_of(*verdict) : "ok";
}

}  // namespace dolibarr_backup
