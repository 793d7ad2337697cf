#include "base/error.h"
#include "core/run_record.h"

namespace dolibarr_backup {

std::string_view name_of(HalfResult result) {
  switch (result) {
    case HalfResult::stored:
      return "stored";
    case HalfResult::unchanged:
      return "unchanged";
    case HalfResult::incomplete:
      return "incomplete";
    case HalfResult::failed:
      return "failed";
    case HalfResult::skipped:
      return "skipped";
  }
  throw Error(Errc::bug, "a half's result without a name");
}

std::string_view name_of(PairJudgement judgement) {
  switch (judgement) {
    case PairJudgement::none:
      return "none";
    case PairJudgement::quiescent:
      return "quiescent";
    case PairJudgement::torn:
      return "torn";
  }
  throw Error(Errc::bug, "a judgement without a name");
}

std::string_view name_of(RunKind kind) {
  switch (kind) {
    case RunKind::backup:
      return "backup";
    case RunKind::prune:
      return "prune";
    case RunKind::adopt:
      return "adopt";
    case RunKind::identity:
      return "identity";
    case RunKind::verify:
      return "verify";
    case RunKind::drill:
      return "drill";
    case RunKind::restore:
      return "restore";
  }
  throw Error(Errc::bug, "a kind of run without a name");
}

std::string_view name_of(RunResult result) {
  switch (result) {
    case RunResult::success:
      return "success";
    case RunResult::torn:
      return "torn";
    case RunResult::incomplete:
      return "incomplete";
    case RunResult::failed:
      return "failed";
    case RunResult::refused:
      return "refused";
    case RunResult::interrupted:
      return "interrupted";
  }
  throw Error(Errc::bug, "a result without a name");
}

bool RunRecord::good_pair() const {
  if (pair != PairJudgement::quiescent) return false;
  for (const Half half : kHalves) {
    const auto found = halves.find(half);
    if (found == halves.end() || !found->second.success() || !found->second.archive) return false;
  }
  return true;
}

}  // namespace dolibarr_backup
