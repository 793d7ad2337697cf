#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>

#include "store/error_of.h"
#include "store/make_store.h"
#include "support/child_process.h"
#include "support/temp_dir.h"

namespace dolibarr_backup {
namespace {

using testing::HasSubstr;

/// openssl's own server, with a certificate of its own making for 127.0.0.1. It
/// serves files, named by path and query, that hold whole HTTP answers: enough
/// for check_access().
class S3Tls : public testing::Test {
 protected:
  void serve(const std::string& certified_name) {
    const std::string certificate = (folder_ / "certificate.pem").string();
    const std::string key = (folder_ / "key.pem").string();
    run_or_throw({.argv = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                           "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                           "/CN=a private authority", "-addext", "subjectAltName=" + certified_name,
                           "-keyout", key, "-out", certificate}});
    std::ofstream(folder_ / "bucket?list-type=2&max-keys=1")
        << "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
           "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
    const int port = reserve_ports(1).at(0);
    server_ = std::make_unique<ServerProcess>(
        Command{.argv = {"env", "-C", folder_.string(), "openssl", "s_server", "-quiet", "-HTTP",
                         "-accept", fmt::format("127.0.0.1:{}", port), "-cert", certificate, "-key",
                         key}},
        (folder_ / "server.log").string());
    settings_.s3.bucket = "bucket";
    settings_.s3.endpoint = fmt::format("https://127.0.0.1:{}", port);
    settings_.s3.access_key_id = "id";
    settings_.s3.secret_access_key = Secret("a test's secret");
    settings_.retries = 5;  // until the server is up
  }
  void check_access() { make_store(settings_, kMiB, progress_, {})->check_access(Access::read); }

  TempDir folder_;
  StoreSettings settings_;
  Progress progress_;
  std::unique_ptr<ServerProcess> server_;
};

TEST_F(S3Tls, ACertificateOfAnUnknownAuthorityIsRefusedAtOnce) {
  serve("IP:127.0.0.1");
  const Error error = error_of([&] { check_access(); });
  EXPECT_EQ(error.code(), Errc::store);
  EXPECT_FALSE(error.transient());
  EXPECT_THAT(error.hint(), HasSubstr("certificate is not trusted"));
  EXPECT_THAT(error.hint(), HasSubstr("'ca_file'"));
}

TEST_F(S3Tls, APrivateAuthorityIsTrustedWhenTheSettingsNameIt) {
  serve("IP:127.0.0.1");
  settings_.s3.ca_file = (folder_ / "certificate.pem").string();
  EXPECT_NO_THROW(check_access());
}

TEST_F(S3Tls, ACertificateOfAnotherHostIsRefused) {
  serve("DNS:elsewhere.example");
  settings_.s3.ca_file = (folder_ / "certificate.pem").string();
  EXPECT_THAT(error_of([&] { check_access(); }).hint(), HasSubstr("names another host"));
}

TEST_F(S3Tls, AnUnreadableCaFileIsToldApart) {
  serve("IP:127.0.0.1");
  settings_.s3.ca_file = (folder_ / "absent.pem").string();
  EXPECT_THAT(error_of([&] { check_access(); }).hint(),
              HasSubstr("'ca_file' must name a readable"));
}

}  // namespace
}  // namespace dolibarr_backup
