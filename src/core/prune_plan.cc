#include "core/prune_plan.h"

#include <fmt/format.h>

#include <algorithm>

namespace dolibarr_backup {
namespace {

// Fewer archives than this are no mass deletion, whatever their share.
constexpr uint64_t kAlwaysAllowed = 3;

std::string age_text(Instant now, Instant then) {
  return format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(now - then));
}

void refuse_large_share(const PruneInput& input, Half half, uint64_t in_force, PrunePlan& plan) {
  const auto dropped = static_cast<uint64_t>(
      std::count_if(input.dropped.begin(), input.dropped.end(),
                    [&](const PruneCandidate& one) { return one.archive.half == half; }));
  if (input.force) return;
  if (auto refusal = too_large_share(half, dropped, in_force, input.max_prune_percent))
    plan.refusals.push_back(std::move(*refusal));
}

}  // namespace

std::optional<std::string> too_large_share(Half half, uint64_t dropped, uint64_t in_force,
                                           int max_percent) {
  if (dropped <= kAlwaysAllowed) return std::nullopt;
  if (dropped * 100 <= in_force * static_cast<uint64_t>(max_percent)) return std::nullopt;
  return fmt::format("it would remove {} of {} {} archives, more than {} %", dropped, in_force,
                     name_of(half), max_percent);
}

PrunePlan plan_prune(const PruneInput& input) {
  PrunePlan plan;
  for (const PruneCandidate& candidate : input.dropped) {
    plan.steps.push_back({candidate.archive.key, candidate.archive.size, candidate.reason});
    if (!candidate.manifest.empty())
      plan.steps.push_back({candidate.manifest, candidate.manifest_bytes, "its archive goes"});
  }
  for (const StrayObject& orphan : input.orphans)
    if (input.now - orphan.begun >= input.orphan_grace)
      plan.steps.push_back({orphan.key, orphan.bytes,
                            fmt::format("orphan: no run record names it, {} old",
                                        age_text(input.now, orphan.begun))});
  for (const StrayObject& manifest : input.lone_manifests)
    if (input.now - manifest.begun >= input.orphan_grace)
      plan.steps.push_back({manifest.key, manifest.bytes, "its archive is gone"});
  for (const PendingUploadInfo& upload : input.uploads)
    if (input.now - upload.started >= input.uploads_older_than)
      plan.aborts.push_back(
          {upload.key, upload.id,
           fmt::format("unfinished upload, begun {} ago", age_text(input.now, upload.started))});
  refuse_large_share(input, Half::db, input.archives_db, plan);
  refuse_large_share(input, Half::docs, input.archives_docs, plan);
  return plan;
}

}  // namespace dolibarr_backup
