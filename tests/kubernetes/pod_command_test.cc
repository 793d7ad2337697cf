#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "cli/cluster_commands.h"
#include "kubernetes/cluster_environment.h"

namespace dolibarr_backup {
namespace {

using testing::ElementsAre;

PodCommand command_of(std::vector<const char*> words) {
  words.insert(words.begin(), "dolibarr-backup");
  const ParsedCommandLine parsed = parse_command_line(static_cast<int>(words.size()), words.data());
  if (parsed.error) throw *parsed.error;
  return pod_command(parsed.line, cluster_environment());
}

Errc refusal_of(std::vector<const char*> words) {
  try {
    command_of(std::move(words));
  } catch (const Error& error) {
    return error.code();
  }
  return Errc::bug;
}

TEST(PodCommand, OptionsGoAlong) {
  EXPECT_THAT(command_of({"backup", "--force", "--no-prune", "--json"}).arguments,
              ElementsAre("backup", "--force", "--no-prune", "--json", "--log-format=json"));
  EXPECT_THAT(
      command_of({"prune", "-n", "--uploads-older-than", "2d", "--release", "a b"}).arguments,
      ElementsAre("prune", "--dry-run", "--uploads-older-than=48h", "--release=a b",
                  "--log-format=json"));
  EXPECT_THAT(command_of({"verify", "--quick", "--share", "1/30", "-v"}).arguments,
              ElementsAre("verify", "--quick", "--share=1/30", "--verbose", "--log-format=json"));
  EXPECT_THAT(command_of({"drill", "--as-of", "2026-03-31"}).arguments,
              ElementsAre("drill", "--as-of=2026-03-31", "--work-dir=/tmp", "--log-format=json"));
  EXPECT_THAT(command_of({"find", "--", "-x"}).arguments,
              ElementsAre("find", "--log-format=json", "--", "-x"));
}

TEST(PodCommand, ARestoreMayWriteAndIsConfirmedHere) {
  const PodCommand restore = command_of(
      {"restore", "--into", "prod", "--as-of", "2026-03-31", "--half", "db", "--scale-down"});
  EXPECT_THAT(restore.arguments, ElementsAre("restore", "--log-format=json", "--into=prod",
                                             "--as-of=2026-03-31", "--half=db", "--confirm=prod"));
  EXPECT_TRUE(restore.replaces && restore.reads_sources && restore.scale_down);
  EXPECT_TRUE(restore.writes_documents);
  EXPECT_FALSE(command_of({"restore", "--into", "prod", "-n"}).writes_documents);
  EXPECT_TRUE(command_of({"restore", "--into", "prod", "--discard-old"}).writes_documents);
  EXPECT_FALSE(command_of({"restore", "--into", "prod", "--discard-old"}).replaces);
  EXPECT_FALSE(command_of({"restore", "--into-database", "copy"}).replaces);
  EXPECT_FALSE(command_of({"backup"}).replaces);
}

TEST(PodCommand, OwnSqlKeepsItsOrderAndItsNames) {
  const auto arguments = command_of({"refresh", "--from", "prod", "--into", "sandbox", "--sql",
                                     "/home/me/mask.sql", "--sql", "mask.sql"})
                             .arguments;
  EXPECT_THAT(arguments,
              testing::IsSupersetOf({"--sql=/run/secrets/dolibarr-backup/sql/1-mask.sql",
                                     "--sql=/run/secrets/dolibarr-backup/sql/2-mask.sql"}));
}

TEST(PodCommand, WhoHoldsIsWhoAsked) {
  EXPECT_THAT(command_of({"hold", "add", "a.dump", "--why", "w", "--who", "me"}).arguments,
              ElementsAre("hold", "add", "a.dump", "--log-format=json", "--why=w", "--who=me"));
}

TEST(PodCommand, OnlyWhatLooksAtTheSourcesGetsThem) {
  EXPECT_TRUE(command_of({"backup"}).reads_sources);
  for (const char* name : {"list", "prune", "verify", "drill"})
    EXPECT_FALSE(command_of({name}).reads_sources) << name;
}

TEST(PodCommand, WhatMeansNothingThereIsRefused) {
  EXPECT_EQ(refusal_of({"drill", "--work-dir", "/srv"}), Errc::usage);
  EXPECT_EQ(refusal_of({"drill", "--conf-key-file", "/key"}), Errc::usage);
  EXPECT_EQ(refusal_of({"restore", "--path", "a", "--to", "/tmp"}), Errc::usage);
  EXPECT_EQ(refusal_of({"restore", "--into-documents", "/srv"}), Errc::usage);
  EXPECT_EQ(refusal_of({"restore", "--into-database", "postgresql://u:p@h/d"}), Errc::usage);
  EXPECT_EQ(refusal_of({"serve"}), Errc::refused);
}

}  // namespace
}  // namespace dolibarr_backup
