#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "database/erp_database.h"

// Who still writes, and that nobody else is waited for.
namespace dolibarr_backup {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Writers : public testing::Test {
 protected:
  Writers() { database.sql("create table llx_facture (a int); create table llx_societe (a int)"); }
  std::vector<std::string> wait(milliseconds timeout) {
    return wait_for_writers(database.settings, timeout, {});
  }
  ErpDatabase database;
};

TEST_F(Writers, none_is_nothing_to_wait_for) {
  const auto started = steady_clock::now();
  EXPECT_THAT(wait(seconds(30)), IsEmpty());
  EXPECT_LT(steady_clock::now() - started, seconds(5));
}

TEST_F(Writers, still_open_are_told_with_what_they_wrote) {
  PgConnection writer = database.session();
  const std::string pid = writer.query("select pg_backend_pid()").text(0, 0);
  for (const char* sql :
       {"insert into llx_facture values (1); delete from llx_societe",
        "lock llx_facture, llx_societe in share row exclusive mode",
        "lock llx_facture, llx_societe in exclusive mode", "truncate llx_facture, llx_societe"}) {
    writer.query("begin");
    writer.query(sql);
    const auto started = steady_clock::now();
    EXPECT_THAT(wait(milliseconds(300)), ElementsAre(AllOf(HasSubstr("pid " + pid + " (dolibarr, "),
                                                           HasSubstr("llx_facture, llx_societe"))))
        << sql;
    EXPECT_GE(steady_clock::now() - started, milliseconds(300));
    writer.query("rollback");
  }
  EXPECT_THAT(wait(seconds(5)), IsEmpty());
}

TEST_F(Writers, that_end_are_waited_for_and_later_ones_are_not) {
  PgConnection writer = database.session(), later = database.session();
  writer.query("begin");
  writer.query("insert into llx_facture values (1)");
  std::thread ends([&] {
    std::this_thread::sleep_for(milliseconds(300));
    later.query("begin");
    later.query("insert into llx_facture values (2)");
    writer.query("commit");
  });
  const auto started = steady_clock::now();
  EXPECT_THAT(wait(seconds(30)), IsEmpty());
  EXPECT_GE(steady_clock::now() - started, milliseconds(250));
  EXPECT_LT(steady_clock::now() - started, seconds(10));
  ends.join();
}

TEST_F(Writers, that_begin_another_transaction_in_the_same_session_have_ended) {
  PgConnection writer = database.session();
  writer.query("begin");
  writer.query("insert into llx_facture values (1)");
  std::thread ends([&] {
    std::this_thread::sleep_for(milliseconds(200));
    writer.query("commit; begin; insert into llx_facture values (2)");
  });
  EXPECT_THAT(wait(seconds(30)), IsEmpty());
  ends.join();
}

TEST_F(Writers, are_neither_readers_nor_maintenance_nor_in_other_databases) {
  ErpDatabase other;
  other.sql("create table llx_facture (a int)");
  PgConnection reader = database.session(), maintenance = database.session();
  PgConnection elsewhere = other.session();
  reader.query("begin; select * from llx_facture; select * from llx_societe for update");
  maintenance.query("begin; analyze llx_facture; lock llx_societe in share update exclusive mode");
  elsewhere.query("begin; insert into llx_facture values (1)");
  const auto started = steady_clock::now();
  EXPECT_THAT(wait(seconds(30)), IsEmpty());
  EXPECT_LT(steady_clock::now() - started, seconds(5));
}

TEST_F(Writers, are_not_those_who_only_build_an_index) {
  PgConnection builder = database.session();
  builder.query("begin; create index on llx_facture (a)");  // ShareLock on the table
  EXPECT_THAT(wait(seconds(5)), IsEmpty());
}

TEST_F(Writers, in_a_prepared_transaction_are_told_too) {
  database.sql("begin; insert into llx_facture values (1); prepare transaction 'left'");
  EXPECT_THAT(wait(milliseconds(200)),
              ElementsAre(AllOf(HasSubstr("prepared"), HasSubstr("llx_facture"))));
  database.sql("rollback prepared 'left'");
  EXPECT_THAT(wait(milliseconds(200)), IsEmpty());
}

TEST_F(Writers, a_stop_ends_the_wait) {
  PgConnection writer = database.session();
  writer.query("begin; insert into llx_facture values (1)");
  std::stop_source stop;
  std::thread stops([&] {
    std::this_thread::sleep_for(milliseconds(200));
    stop.request_stop();
  });
  const auto started = steady_clock::now();
  EXPECT_EQ(
      error_of([&] { wait_for_writers(database.settings, seconds(60), stop.get_token()); }).code(),
      Errc::interrupted);
  EXPECT_LT(steady_clock::now() - started, seconds(5));
  stops.join();
}

}  // namespace
}  // namespace dolibarr_backup
