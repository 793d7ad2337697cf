#include <algorithm>

#include "page/report_parts.h"

namespace dolibarr_backup {
namespace {

struct ProofWords {
  std::string_view name;
  const Text *title, *meaning;
};

std::optional<ProofWords> words_of_proof(const std::string& name, const Texts& texts) {
  const ProofWords all[] = {
      {"point", &texts.proof_point, &texts.proof_point_meaning},
      {"database", &texts.proof_database, &texts.proof_database_meaning},
      {"documents", &texts.proof_documents, &texts.proof_documents_meaning},
      {"index", &texts.proof_index, &texts.proof_index_meaning},
      {"legal log", &texts.proof_legal_log, &texts.proof_legal_log_meaning},
      {"growth", &texts.proof_growth, &texts.proof_growth_meaning},
      {"key", &texts.proof_key, &texts.proof_key_meaning},
  };
  for (const ProofWords& words : all)
    if (words.name == name) return words;
  return std::nullopt;
}

void write_outcome(Html& html, const std::string& outcome, const Texts& texts) {
  if (outcome == "proven") return write_badge(html, "good", texts.outcome_proven.text);
  if (outcome == "warning") return write_badge(html, "warn", texts.outcome_warning.text);
  if (outcome == "FAILED") return write_badge(html, "bad", texts.outcome_failed.text);
  write_badge(html, "plain", texts.outcome_untold.text);
}

void write_proof(Html& html, const DrillProof& proof, const Texts& texts) {
  const std::optional<ProofWords> words = words_of_proof(proof.name, texts);
  html.element("tr", [&] {
    html.element("th", {{"scope", "row"}}, words ? words->title->text : proof.name);
    html.element("td", [&] { write_outcome(html, proof.outcome, texts); });
    html.element("td", [&] {
      if (words) html.text(words->meaning->text).text(" ");
      write_recorded(html, proof.text);
      if (proof.culprits.empty()) return;
      html.element("ul", [&] {
        for (const std::string& culprit : proof.culprits)
          html.element("li", [&] { write_recorded(html, culprit); });
      });
    });
  });
}

std::string time_of(const ReportDrill& drill, const Wording& wording) {
  if (!drill.seconds) return {};
  return wording.duration(std::chrono::milliseconds(static_cast<int64_t>(*drill.seconds * 1000)));
}

void write_drill_badge(Html& html, const ReportDrill& drill, const Texts& texts) {
  const bool good = drill.result == RunResult::success;
  write_badge(html, good ? "good" : "bad",
              (good ? texts.outcome_proven : texts.outcome_failed).text);
}

// One drill with all its proofs.
void write_drill(Html& html, const ReportDrill& drill, const Wording& wording) {
  const Texts& texts = wording.texts();
  html.element("h3", wording.instant(drill.at));
  html.element("p", [&] {
    write_drill_badge(html, drill, texts);
    if (drill.point) html.text(" " + wording.say(texts.drill_point, wording.instant(*drill.point)));
    if (drill.seconds) html.text(", " + wording.say(texts.drill_seconds, time_of(drill, wording)));
    if (drill.error.empty()) return;
    html.empty_element("br");
    write_recorded(html, drill.error);
  });
  if (drill.proofs.empty()) return;
  write_table(html, fmt::format("{}, {}", texts.drills.text, wording.instant(drill.at)),
              {texts.column_proof.text, texts.column_outcome.text, texts.column_meaning.text}, [&] {
                for (const DrillProof& proof : drill.proofs) write_proof(html, proof, texts);
              });
}

void write_all_drills(Html& html, const ReportModel& model, const Wording& wording) {
  const Texts& texts = wording.texts();
  html.element("details", [&] {
    html.element("summary", wording.count(model.drills.size(), texts.drills_count));
    write_table(html, texts.drills.text,
                {texts.column_when.text, texts.column_outcome.text, texts.column_state.text,
                 texts.column_time.text},
                [&] {
                  for (const ReportDrill& drill : model.drills)
                    html.element("tr", [&] {
                      html.element("th", {{"scope", "row"}}, wording.instant(drill.at));
                      html.element("td", [&] { write_drill_badge(html, drill, texts); });
                      html.element("td", drill.point ? wording.instant(*drill.point) : "");
                      html.element("td", time_of(drill, wording));
                    });
                });
  });
}

void write_chain(Html& html, const ReportChain& chain, const Wording& wording) {
  const Texts& texts = wording.texts();
  if (chain.records == 0) {
    html.element("p", texts.chain_empty.text);
  } else if (chain.problems.empty()) {
    html.element("p", [&] {
      write_badge(html, "good", texts.chain_unbroken_word.text);
      html.text(" " + wording.say(texts.chain_sound, wording.number(chain.records),
                                  wording.instant(chain.first->start()),
                                  wording.instant(chain.newest->start())));
    });
  }
  if (!chain.problems.empty()) {
    html.element("p", [&] {
      write_badge(html, "bad", texts.chain_broken_word.text);
      html.text(" ").text(texts.chain_broken.text);
    });
    html.element("ul", [&] {
      for (const std::string& problem : chain.problems)
        html.element("li", [&] { write_recorded(html, problem); });
    });
  }
  if (chain.heads.empty()) return;
  html.element("p", texts.chain_lead.text);
  html.element("dl", {{"class", "facts"}}, [&] {
    for (const RecordRef& head : chain.heads) {
      html.element("dt", texts.head.text);
      html.element("dd", [&] {
        html.element("code", head.run);
        html.empty_element("br");
        html.element("code", head.sha256);
      });
    }
  });
}

std::string_view words_of_version(const std::string& name, const Texts& texts) {
  if (name == "dolibarr") return texts.version_dolibarr.text;
  if (name == "server") return texts.version_server.text;
  if (name == "pg_dump") return texts.version_pg_dump.text;
  if (name == "tool") return texts.version_tool.text;
  return name;
}

void write_versions(Html& html, const ReportModel& model, const Wording& wording) {
  const Texts& texts = wording.texts();
  if (model.versions.empty()) return;
  html.element("h3", texts.versions.text);
  write_table(html, texts.versions.text,
              {texts.column_what.text, texts.column_version.text, texts.column_seen.text}, [&] {
                const auto day = [&](Instant at) {
                  return wording.day(local_day(at, wording.time_zone()));
                };
                for (const ReportVersion& version : model.versions)
                  html.element("tr", [&] {
                    html.element("th", {{"scope", "row"}}, words_of_version(version.name, texts));
                    html.element("td", {{"class", "whole"}}, version.value);
                    html.element("td",
                                 wording.say(texts.seen, day(version.first), day(version.last)));
                  });
              });
}

void write_verifies(Html& html, const ReportModel& model, const Wording& wording) {
  const Texts& texts = wording.texts();
  html.element("h3", texts.verifies.text);
  if (model.verifies.empty()) {
    html.element("p", texts.verifies_none.text);
    return;
  }
  const auto write = [&](const RunRecord& verify) {
    html.element("li", [&] {
      write_badge(html, verify.result == RunResult::success ? "good" : "bad",
                  wording.result(verify.result));
      html.text(" ").text(wording.instant(verify.started));
      if (verify.error.empty()) return;
      html.text(" ");
      write_recorded(html, verify.error);
    });
  };
  html.element("ul", [&] { write(model.verifies.front()); });
  if (model.verifies.size() == 1) return;
  html.element("details", [&] {
    html.element("summary", wording.count(model.verifies.size(), texts.verifies_count));
    html.element("ul", [&] { std::for_each(model.verifies.begin(), model.verifies.end(), write); });
  });
}

void write_command(Html& html, const Text& step, std::string_view command) {
  html.element("li", [&] {
    html.element("p", step.text);
    // A command may be wider than a phone: it wraps, and is selected whole.
    html.element("pre", [&] { html.element("code", command); });
  });
}

std::string_view last_part(std::string_view key) {
  return key.substr(key.rfind('/') + 1);
}

}  // namespace

void write_drills(Html& html, const ReportModel& model, const Wording& wording) {
  const Texts& texts = wording.texts();
  write_section(html, "drills", texts.drills, [&] {
    html.element("p", texts.drills_lead.text);
    if (model.drills.empty()) html.element("p", texts.drills_none.text);
    if (model.drills.empty()) return;
    write_drill(html, model.drills.front(), wording);
    for (size_t i = 1; i < model.drills.size(); ++i)
      if (model.drills[i].result != RunResult::success) write_drill(html, model.drills[i], wording);
    if (model.drills.size() > 1) write_all_drills(html, model, wording);
  });
}

void write_integrity(Html& html, const ReportModel& model, const Wording& wording) {
  const Texts& texts = wording.texts();
  write_section(html, "integrity", texts.integrity, [&] {
    write_chain(html, model.chain, wording);
    const std::string& where = model.input.conf_key_location;
    html.element("p", where.empty() ? std::string(texts.key_not_kept.text)
                                    : wording.say(texts.key_kept, where));
    write_verifies(html, model, wording);
    write_versions(html, model, wording);
  });
}

void write_own_verification(Html& html, const ReportModel& model, const Wording& wording) {
  const Texts& texts = wording.texts();
  write_section(html, "verify", texts.verify_yourself, [&] {
    const auto archive = [&](const std::string& key) -> const ReportArchive* {
      for (const ReportArchive& one : model.input.archives)
        if (one.key == key) return &one;
      return nullptr;
    };
    const std::optional<ReportPoint>& point = model.coverage.newest;
    const ReportArchive* db = point ? archive(point->db) : nullptr;
    const ReportArchive* docs = point ? archive(point->docs) : nullptr;
    if (!db || !docs) {
      html.element("p", texts.verify_none.text);
      return;
    }
    const std::string dump(last_part(db->key)), tar(last_part(docs->key));
    html.element("p", texts.verify_lead.text);
    html.element("ol", {{"class", "steps"}}, [&] {
      std::string heads;
      for (const RecordRef& head : model.chain.heads)
        heads += fmt::format("echo '{}  {}.json' | sha256sum -c\n", head.sha256, head.run);
      write_command(html, texts.verify_step_record, heads);
      write_command(html, texts.verify_step_archive,
                    fmt::format("echo '{}  {}' | sha256sum -c\necho '{}  {}' | sha256sum -c\n",
                                db->sha256, dump, docs->sha256, tar));
      write_command(
          html, texts.verify_step_restore,
          fmt::format("createdb trial\npg_restore --no-owner --exit-on-error -d trial {}\n", dump));
      write_command(html, texts.verify_step_documents,
                    fmt::format("mkdir documents\ntar -xzf {} -C documents\n", tar));
      write_command(html, texts.verify_step_files,
                    fmt::format("cd documents && zcat ../{} | sha256sum -c --quiet\n",
                                last_part(docs->manifest)));
    });
  });
}

}  // namespace dolibarr_backup
