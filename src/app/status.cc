#include "app/status.h"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <set>

#include "app/prune.h"
#include "core/record_chain.h"
#include "core/setting_values.h"
#include "dolibarr/tree_exchange.h"

namespace dolibarr_backup {
namespace {

// Of <linux/magic.h>, but for those that it does not have.
constexpr std::array<uint32_t, 6> kNetworkFileSystems{
    NFS_SUPER_MAGIC, SMB_SUPER_MAGIC,
    0xff534d42,  // CIFS, fs/smb/client/cifsglob.h
    0xfe534d42,  // SMB 2, the same
    0x00c36400,  // Ceph, fs/ceph/super.h
    0x65735546,  // FUSE: sshfs, s3fs, GlusterFS; fs/fuse/inode.c
};

// What cannot be asked is believed to be here, which is the worse.
bool on_this_machine(const StoreSettings& store) {
  if (store.directory.empty()) {
    const std::optional<Endpoint> endpoint = read_endpoint(store.s3.endpoint);
    return endpoint && endpoint->is_loopback();
  }
  struct statfs status {};
  if (::statfs(store.directory.c_str(), &status) != 0) return true;
  return std::find(kNetworkFileSystems.begin(), kNetworkFileSystems.end(),
                   static_cast<uint32_t>(status.f_type)) == kNetworkFileSystems.end();
}

size_t records_to_judge(const Catalog& catalog, const EnvironmentSettings& environment,
                        Instant now) {
  const Instant since = judged_since(now, environment.proof_max_age);
  const auto recent = std::count_if(catalog.runs().begin(), catalog.runs().end(),
                                    [&](const RunId& run) { return run.start() >= since; });
  return std::max(kStatusRecords, static_cast<size_t>(recent));
}

void note_successes(const RunRecord& record, std::set<Half>& found) {
  if (record.kind != RunKind::backup || record.pair == PairJudgement::torn) return;
  for (const auto& [which, half] : record.halves)
    if (half.success()) found.insert(which);
}

// In batches, since requests wait for the store.
std::vector<const RunRecord*> read_records(Catalog& catalog, size_t count) {
  std::vector<const RunRecord*> records;
  const std::vector<RunId>& runs = catalog.runs();
  std::set<Half> found;
  size_t left = runs.size();
  while (left > 0 && (runs.size() - left < count || found.size() < std::size(kHalves))) {
    const size_t first = left - std::min(std::max<size_t>(count, 1), left);
    catalog.prefetch({runs.begin() + static_cast<std::ptrdiff_t>(first),
                      runs.begin() + static_cast<std::ptrdiff_t>(left)});
    for (; left > first; --left)
      if (const RunRecord* record = catalog.record(runs[left - 1])) {
        records.push_back(record);
        note_successes(*record, found);
      }
  }
  return records;
}

std::string damage_of(const Catalog& catalog, const CatalogArchive& archive) {
  if (archive.damaged) return "was found damaged";
  if (archive.entry && archive.entry->archive.size != archive.stored.size)
    return fmt::format("has {}, its record says {}", format_bytes(archive.stored.size),
                       format_bytes(archive.entry->archive.size));
  if (!archive.reference && !catalog.contains(catalog.keys().manifest_of(archive.stored.key)))
    return "has lost its manifest";
  return "";
}

// Of the newest good pair at or before the instant, whether its archives are there or not.
std::optional<Instant> recorded_pair_at(Catalog& catalog, Instant instant) {
  const auto after = std::partition_point(catalog.runs().begin(), catalog.runs().end(),
                                          [&](const RunId& run) { return run.start() <= instant; });
  for (auto run = std::make_reverse_iterator(after); run != catalog.runs().rend(); ++run)
    if (const RunRecord* record = catalog.record(*run); record && record->good_pair())
      return run->start();
  return std::nullopt;
}

void add_instants(Catalog& catalog, const EnvironmentSettings& environment, StatusFacts& facts) {
  for (auto& [kept, pair] : kept_pairs(catalog, environment, facts.now)) {
    for (StatusArchive& archive : facts.archives)
      if (pair && (archive.stored.key == pair->db || archive.stored.key == pair->docs) &&
          (archive.tiers.empty() || archive.tiers.back() != kept.tier))
        archive.tiers.push_back(kept.tier);
    const std::optional<Instant> recorded = recorded_pair_at(catalog, kept.instant);
    facts.instants.push_back({std::move(kept), std::move(pair), recorded});
  }
}

void add_archives(const Catalog& catalog, const Listing& listing, StatusFacts& facts) {
  for (auto listed = listing.archives.rbegin(); listed != listing.archives.rend(); ++listed) {
    const CatalogArchive& archive = listed->archive;
    facts.archives.push_back({archive.stored, archive.reference, damage_of(catalog, archive), {}});
  }
}

void add_chain(Catalog& catalog, const EnvironmentSettings& environment, size_t count,
               StatusFacts& facts) {
  for (const ChainBreak& found :
       find_chain_breaks(catalog.chain(count), catalog.heads(), environment.name)) {
    facts.chain_breaks.push_back(fmt::format("the run record of {} {}", found.run, found.problem));
  }
  for (const auto& [key, problem] : catalog.unreadable_records())
    facts.chain_breaks.push_back(
        fmt::format("the run record '{}' cannot be read: {}", key, problem));
}

// Once a prune is refused, each later one is, until somebody looks.
void add_prune_refusals(const Listing& listing, const EnvironmentSettings& environment,
                        StatusFacts& facts) {
  for (const Half half : kHalves) {
    uint64_t in_force = 0, dropped = 0;
    for (const ListedArchive& listed : listing.archives) {
      if (listed.archive.stored.half != half) continue;
      ++in_force;
      dropped += listed.reasons.empty();
    }
    if (const std::optional<std::string> refusal =
            too_large_share(half, dropped, in_force, environment.max_prune_percent))
      facts.prune_refusals.push_back("prune: refused, " + *refusal +
                                     "; look at `prune --dry-run`, then `prune --force`");
  }
}

// A restore that was killed in mid-exchange leaves a tree that is neither.
std::optional<std::string> broken_restore(const EnvironmentSettings& environment) {
  if (!environment.documents.starts_with('/')) return std::nullopt;
  const TreeLeftovers left = tree_leftovers(environment.documents);
  if (left.half_done.empty()) return std::nullopt;
  return fmt::format(
      "a restore is at work or was broken off: '{}'; look with `restore --env {} --into {} "
      "--discard-old -n`, or restore again",
      left.half_done.front(), environment.name, environment.name);
}

}  // namespace

StatusFacts gather_status(Catalog& catalog, const EnvironmentSettings& environment,
                          const Listing& listing, size_t count) {
  StatusFacts facts;
  facts.environment = environment.name;
  facts.prefix = listing.prefix;
  facts.store = listing.store;
  facts.now = listing.now;
  facts.max_age = environment.max_age;
  facts.proof_max_age = environment.proof_max_age;
  facts.records = read_records(catalog, count);
  facts.earlier_records =
      !facts.records.empty() && facts.records.back()->run != catalog.runs().front();
  add_archives(catalog, listing, facts);
  add_instants(catalog, environment, facts);
  add_chain(catalog, environment, count, facts);
  add_prune_refusals(listing, environment, facts);
  facts.broken_restore = broken_restore(environment);
  facts.orphans = listing.orphans.size();
  facts.foreign = listing.foreign.size();
  facts.not_ours = listing.not_ours.size();
  facts.uploads = listing.uploads.size();
  for (const PendingUpload& upload : listing.uploads)
    facts.oldest_upload = std::min(facts.oldest_upload.value_or(upload.started), upload.started);
  facts.on_this_machine = on_this_machine(environment.store);
  facts.key_location_known = !environment.conf_key_location.empty();
  return facts;
}

JudgedListing judge_environment(Catalog& catalog, const EnvironmentSettings& environment,
                                Instant now) {
  Listing listing = list_environment(catalog, environment, now);
  const size_t count = records_to_judge(catalog, environment, listing.now);
  EnvironmentStatus status = judge_status(gather_status(catalog, environment, listing, count));
  return {std::move(listing), std::move(status)};
}

EnvironmentStatus environment_status(Catalog& catalog, const EnvironmentSettings& environment,
                                     Instant now) {
  return judge_environment(catalog, environment, now).status;
}

}  // namespace dolibarr_backup
