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

bool expired(const PruneInput& input, const StrayObject& stray) {
  return input.now - stray.begun >= input.orphan_grace;
}

/// Of one half: archives that there are, in force or not, and those that would go.
struct Share {
  uint64_t archives = 0, dropped = 0, orphans_dropped = 0;
};

Share share_of(const PruneInput& input, Half half) {
  Share share{half == Half::db ? input.archives_db : input.archives_docs};
  for (const PruneCandidate& one : input.dropped) share.dropped += one.archive.half == half;
  for (const StrayObject& orphan : input.orphans) {
    if (orphan.half != half || orphan.manifest) continue;
    ++share.archives;
    share.orphans_dropped += expired(input, orphan);
  }
  return share;
}

// Orphans count like the others: where records were lost, everything is an orphan.
void refuse_large_share(const PruneInput& input, Half half, PrunePlan& plan) {
  if (input.force) return;
  const Share share = share_of(input, half);
  if (auto refusal = too_large_share(half, share.dropped + share.orphans_dropped, share.archives,
                                     input.max_prune_percent))
    plan.refusals.push_back(std::move(*refusal));
}

// What is decided without the whole history may be wrong.
void refuse_half_a_history(const PruneInput& input, PrunePlan& plan) {
  if (input.force || plan.steps.empty()) return;
  if (input.no_records)
    plan.refusals.push_back("there are archives, but no run record says what they are");
  if (input.unreadable_records > 0)
    plan.refusals.push_back(fmt::format(
        "{} run record(s) cannot be read, and may name what would go", input.unreadable_records));
}

// However it came about, the last archives of a half are not swept away as orphans.
bool last_of_its_half(const PruneInput& input, const StrayObject& orphan) {
  const Share share = share_of(input, orphan.half);
  return share.dropped + share.orphans_dropped >= share.archives;
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
    if (expired(input, orphan) && !last_of_its_half(input, orphan))
      plan.steps.push_back({orphan.key, orphan.bytes,
                            fmt::format("orphan: no run record names it, {} old",
                                        age_text(input.now, orphan.begun))});
  for (const StrayObject& manifest : input.lone_manifests)
    if (expired(input, manifest))
      plan.steps.push_back({manifest.key, manifest.bytes, "its archive is gone"});
  for (const PendingUploadInfo& upload : input.uploads)
    if (input.now - upload.started >= input.uploads_older_than)
      plan.aborts.push_back(
          {upload.key, upload.id,
           fmt::format("unfinished upload, begun {} ago", age_text(input.now, upload.started))});
  refuse_large_share(input, Half::db, plan);
  refuse_large_share(input, Half::docs, plan);
  refuse_half_a_history(input, plan);
  return plan;
}

}  // namespace dolibarr_backup
