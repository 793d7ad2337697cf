// Whatever a settings file says, loading it ends with settings or with problems
// that name their place, and a secret is not among what is shown.
#include "core/settings.h"

#include "core/retention.h"
#include "fuzz/seeds.h"

namespace dolibarr_backup::fuzz {
namespace {

constexpr const char* kSecret = "kept-from-all-eyes";

void check_sound(const EnvironmentSettings& environment) {
  require(!environment.name.empty() && !environment.prefix.empty(), "a name and a prefix");
  require(environment.documents.starts_with('/'), "an absolute documents path");
  require(environment.store.directory.empty() != environment.store.s3.bucket.empty(),
          "exactly one store");
  const Instant now(std::chrono::seconds(1'782'785'700));
  const RetentionPolicy& policy = environment.retention;
  require(kept_instants(policy, now, environment.time_zone).size() ==
              static_cast<size_t>(1 + policy.days + policy.months + policy.years),
          "retention can be computed");
}

void check_told(const std::vector<SettingsProblem>& list) {
  for (const SettingsProblem& one : list) {
    require(!one.origin.text.empty() && !one.message.empty(), "a finding says where and what");
    require(one.message.find(kSecret) == std::string::npos, "no secret in a finding");
    require(one.message.size() < 4096, "a finding is short");
  }
}

void check(std::string text) {
  // libFuzzer learns the secret from the comparisons; then the text itself says it.
  if (text.find(kSecret) != std::string::npos) return;
  SettingsInput input;
  input.file_is_private = text.empty() || text.front() != '!';
  input.file_text = std::move(text);
  input.file_name = "settings.yaml";
  input.variables = {{"AWS_ACCESS_KEY_ID", "AKIAEXAMPLEKEY42"},
                     {"AWS_SECRET_ACCESS_KEY", kSecret},
                     {"PGPASSWORD", kSecret}};
  input.read_file = [](const std::string& path) -> std::optional<std::string> {
    if (path == "/key") return kSecret;
    if (path == "/credentials")
      return std::string(
                 "[default]\naws_access_key_id = AKIAEXAMPLEKEY42\n"
                 "aws_secret_access_key = ") +
             kSecret + "\n";
    return std::nullopt;
  };
  const SettingsResult result = load_settings(input);
  check_told(result.problems);
  check_told(result.warnings);
  for (const ShownSetting& shown : result.shown)
    require(shown.value.find(kSecret) == std::string::npos, "no secret is shown");
  if (!result.problems.empty()) return;
  for (const EnvironmentSettings& environment : result.environments) check_sound(environment);
}

}  // namespace

const std::vector<std::string>& seeds() {
  static const std::vector<std::string> all = {settings_template(),
                                               R"(environments:
  prod:
    documents: /var/www/documents
    store: {bucket: erp-backups, endpoint: "https://store.example", region: auto}
    database: {host: db.internal, name: dolibarr, user: reader}
)",
                                               R"(defaults:
  time_zone: Europe/Paris
  retention: {days: 30, months: 12, years: 11, fiscal_year_end: 06-30}
  database: {user: reader, name: dolibarr, password_file: /password}
  max_prune_percent: 50
environments:
  prod: {documents: /var/www/documents, store: {directory: /srv/backup}}
  sandbox: &s {documents: /srv/documents, prefix: erp/test, store: {directory: /srv/backup}}
  third: *s
)"};
  return all;
}

}  // namespace dolibarr_backup::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dolibarr_backup::fuzz;
  check(std::string(text_of(data, size)));
  return 0;
}
