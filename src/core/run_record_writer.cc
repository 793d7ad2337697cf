#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/record_text.h"
#include "core/run_record.h"

namespace dolibarr_backup {
namespace {

using nlohmann::json;

json text(std::string_view bytes) {
  return to_record_text(bytes);
}

// Absent rather than empty: a record is read by people too.
template <typename Value>
void put_unless_empty(json& object, const char* key, const Value& value) {
  if (!value.empty()) object[key] = value;
}

json texts(const std::vector<std::string>& values) {
  json list = json::array();
  const size_t count = std::min(values.size(), kMaxListedTexts);
  for (size_t i = 0; i < count; ++i) list.push_back(text(cut_text(values[i], kMaxTextBytes)));
  return list;
}

uint64_t omitted(const std::vector<std::string>& values, uint64_t before) {
  return before + (values.size() > kMaxListedTexts ? values.size() - kMaxListedTexts : 0);
}

json keys(const std::vector<std::string>& values) {
  json list = json::array();
  for (const std::string& value : values) list.push_back(text(value));
  return list;
}

json to_value(const StoredObject& object) {
  return {{"key", text(object.key)}, {"size", object.size}, {"sha256", object.sha256}};
}

json to_value(const Identity& identity) {
  return {{"database", text(identity.database)}, {"instance", text(identity.instance)}};
}

json to_value(const Fingerprint& fingerprint) {
  return {{"algorithm", text(fingerprint.algorithm)},
          {"volatile_list", text(fingerprint.volatile_list)},
          {"value", text(fingerprint.value)}};
}

json to_value(const HalfRecord& half) {
  json object = {{"result", name_of(half.result)}};
  if (half.archive) {
    object["archive"] = to_value(half.archive->archive);
    if (half.archive->manifest) object["manifest"] = to_value(*half.archive->manifest);
  }
  if (half.fingerprint) object["fingerprint"] = to_value(*half.fingerprint);
  if (half.taken) object["taken"] = format_instant(*half.taken);
  if (half.trust)
    object["trust"] = {{"walk_started_ns", half.trust->walk_started_ns},
                       {"racy_files", half.trust->racy_files}};
  if (half.mark)
    object["mark"] = {{"database", text(half.mark->database)},
                      {"system_identifier", text(half.mark->system_identifier)},
                      {"timeline", text(half.mark->timeline)},
                      {"server_started", text(half.mark->server_started)},
                      {"statistics_reset", text(half.mark->statistics_reset)},
                      {"snapshot", text(half.mark->snapshot)}};
  for (const auto& [key, value] : half.facts) object["facts"][to_record_text(key)] = value;
  put_unless_empty(object, "problems", texts(half.problems));
  if (const uint64_t count = omitted(half.problems, half.problems_omitted))
    object["problems_omitted"] = count;
  return object;
}

json to_value(const CarriedState& state) {
  json object = json::object();
  if (state.identity) object["identity"] = to_value(*state.identity);
  put_unless_empty(object, "adopted", keys(state.adopted));
  put_unless_empty(object, "drilled", keys(state.drilled));
  put_unless_empty(object, "damaged", keys(state.damaged));
  return object;
}

}  // namespace

std::string to_json(const RunRecord& record) {
  json object = {{"format", kRunRecordFormat},
                 {"kind", name_of(record.kind)},
                 {"environment", text(record.environment)},
                 {"run", record.run.text()},
                 {"started", format_instant(record.started)},
                 {"finished", format_instant(record.finished)},
                 {"result", name_of(record.result)},
                 {"pair", name_of(record.pair)},
                 {"attempts", record.attempts}};
  put_unless_empty(object, "error", text(cut_text(record.error, kMaxTextBytes)).get<std::string>());
  for (const auto& [half, entry] : record.halves)
    object["halves"][std::string(name_of(half))] = to_value(entry);
  if (record.identity) object["identity"] = to_value(*record.identity);
  put_unless_empty(object, "state", to_value(record.state));
  for (const auto& [key, value] : record.versions)
    object["versions"][to_record_text(key)] = text(value);
  for (const PrunedObject& pruned : record.pruned)
    object["pruned"].push_back({{"key", text(pruned.key)}, {"reason", text(pruned.reason)}});
  for (const auto& [what, values] : record.measured)
    for (const auto& [key, value] : values)
      object["measured"][to_record_text(what)][to_record_text(key)] = text(value);
  put_unless_empty(object, "verified", keys(record.verified));
  put_unless_empty(object, "notes", texts(record.notes));
  if (const uint64_t count = omitted(record.notes, record.notes_omitted))
    object["notes_omitted"] = count;
  for (const RecordRef& earlier : record.previous)
    object["previous"].push_back({{"run", text(earlier.run)}, {"sha256", text(earlier.sha256)}});
  return object.dump(2) + "\n";
}

}  // namespace dolibarr_backup
