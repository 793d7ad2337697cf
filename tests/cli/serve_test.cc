// The served site as a program sees it that means no good: raw bytes on a socket.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/unique_fd.h"
#include "base/write_all.h"
#include "cli/program.h"

namespace dolibarr_backup {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kToken = "0123456789abcdef0123456789abcdef";

std::string file_text(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

class Connection {
 public:
  /// `narrow`: little goes to it as long as it does not read.
  explicit Connection(int port, bool narrow = false)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (narrow) {
      const int window = 2048, segment = 536;
      ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
      ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
    }
    const sockaddr_in address = loopback(port);
    connected_ =
        ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  bool connected() const { return connected_; }
  /// False once the other side has closed.
  bool send(std::string_view bytes) const {
    return ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  /// All that comes until the other side closes.
  std::string answer() const {
    std::string text;
    char buffer[4096];
    for (ssize_t got; (got = ::recv(socket_.get(), buffer, sizeof(buffer), 0)) > 0;)
      text.append(buffer, static_cast<size_t>(got));
    return text;
  }

 private:
  UniqueFd socket_;
  bool connected_ = false;
};

/// A store that takes connections and never answers.
class SilentStore {
 public:
  SilentStore() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(socket_.get(), 100), 0);
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  S3Settings settings() const {
    S3Settings settings;
    settings.bucket = "erp";
    settings.endpoint = "http://127.0.0.1:" + std::to_string(port_);
    settings.region = "default";
    settings.access_key_id = "key";
    settings.secret_access_key = Secret("secret");
    return settings;
  }
  int port() const { return port_; }
  /// Waits until somebody asks.
  UniqueFd accept() const { return UniqueFd(::accept(socket_.get(), nullptr, nullptr)); }

 private:
  UniqueFd socket_;
  int port_ = 0;
};

class Serve : public testing::Test {
 protected:
  void start(const std::vector<std::string>& options = {}) {
    std::vector<std::string> arguments = {"--env", "prod", "serve", "--listen", "127.0.0.1:0"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    server_ = program_.start(arguments, SIGTERM);
    for (int tries = 0; port_ == 0 && tries < 600; ++tries) {
      const std::string log = file_text(program_.log_path());
      const std::string sign = "listening on http://127.0.0.1:";
      if (const size_t at = log.find(sign); at != std::string::npos && log.ends_with("\n"))
        port_ = std::stoi(log.substr(at + sign.size()));
      else
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    ASSERT_NE(port_, 0) << file_text(program_.log_path());
  }
  std::string ask(const std::string& raw) const {
    const Connection connection(port_);
    EXPECT_TRUE(connection.send(raw));
    return connection.answer();
  }
  std::string get(const std::string& path, const std::string& headers = "") const {
    return ask("GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + headers + "\r\n");
  }
  std::string token_file() const {
    std::ofstream(program_.path("token")) << kToken << "\n";
    return program_.path("token");
  }

  Program program_;
  std::unique_ptr<ServerProcess> server_;
  int port_ = 0;
};

TEST_F(Serve, ShowsTheReportAsItIsNow) {
  start();
  EXPECT_THAT(get("/"), HasSubstr("Location: /prod/"));
  EXPECT_THAT(get("/prod/"), HasSubstr("There is no backup"));
  ASSERT_EQ(program_.run({"--env", "prod", "backup"}).status, 0);
  std::string page;
  for (int tries = 0; tries < 60 && page.find("The last good backup is of") == std::string::npos;
       ++tries) {
    page = get("/prod/");
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
  EXPECT_THAT(page, StartsWith("HTTP/1.1 200 OK"));
  EXPECT_THAT(page, HasSubstr("The last good backup is of"));
  EXPECT_THAT(get("/prod/?lang=fr"), HasSubstr("Sommes-nous couverts"));
  EXPECT_THAT(get("/prod/", "Accept-Language: fr-FR,fr;q=0.9\r\n"), HasSubstr("lang=\"fr\""));
}

TEST_F(Serve, FindsADocumentWhateverItsName) {
  const std::string evil = "<img src=x onerror=alert(1)>\"'&.pdf";
  program_.write_document("facture/FA2606-0001/" + evil, "an invoice");
  ASSERT_EQ(program_.run({"--env", "prod", "backup"}).status, 0);
  start();
  const std::string page = get("/prod/documents?q=facture%2FFA2606-0001%2F**");
  EXPECT_THAT(page, HasSubstr("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;.pdf"));
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_THAT(get("/prod/documents?q=%22%3E%3Cscript%3E"), Not(HasSubstr("<script")));
  EXPECT_THAT(get("/prod/documents?q=no-such-name"), HasSubstr("0 versions"));
  EXPECT_THAT(get("/prod/documents?q=..%2F..%2Fetc%2Fpasswd"), StartsWith("HTTP/1.1 400"));
}

TEST_F(Serve, HasNothingBesideItsPages) {
  start();
  for (const char* path :
       {"/../../etc/passwd", "/prod/../settings.yaml", "/%2e%2e/%2e%2e/etc/passwd", "/prod/%00",
        "//etc/passwd", "/sandbox/", "/prod", "/favicon.ico"}) {
    const std::string answer = get(path);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 404")) << path;
    EXPECT_THAT(answer, Not(HasSubstr("root:"))) << path;
  }
  EXPECT_THAT(get("/prod/?from=yesterday"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(get("/prod/?from=0001-01-01"), StartsWith("HTTP/1.1 400"));
}

TEST_F(Serve, OnlyReads) {
  start();
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
    EXPECT_THAT(ask(std::string(method) +
                    " /prod/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc"),
                StartsWith("HTTP/1.1 405"))
        << method;
  const std::string head = ask("HEAD /prod/ HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(head, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(head, Not(HasSubstr("<html")));
}

TEST_F(Serve, SendsHeadersThatKeepThePageToItself) {
  start();
  const std::string page = get("/prod/");
  for (const char* header :
       {"Content-Security-Policy: default-src 'none'; style-src 'sha256-", "frame-ancestors 'none'",
        "X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer",
        "Cache-Control: no-store", "X-Frame-Options: DENY"})
    EXPECT_THAT(page, HasSubstr(header));
  EXPECT_THAT(page, Not(HasSubstr("unsafe-inline")));
}

TEST_F(Serve, AsksForTheToken) {
  start({"--token-file", token_file()});
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200"));
  for (const std::string& wrong :
       {std::string(), std::string("Authorization: Bearer \r\n"),
        "Authorization: Bearer " + std::string(kToken) + "x\r\n",
        "Authorization: Bearer " + std::string(kToken).substr(1) + "\r\n",
        std::string("Authorization: Basic !!!!\r\n"),
        std::string("Authorization: Basic bm8=\r\n")}) {
    const std::string answer = get("/prod/", wrong);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 401")) << wrong;
    EXPECT_THAT(answer, HasSubstr("WWW-Authenticate: Bearer"));
    EXPECT_THAT(answer, Not(HasSubstr("<html")));
  }
  EXPECT_THAT(get("/prod/", "Authorization: Bearer " + std::string(kToken) + "\r\n"),
              StartsWith("HTTP/1.1 200"));
  // reader:0123456789abcdef0123456789abcdef
  EXPECT_THAT(get("/prod/",
                  "Authorization: Basic "
                  "cmVhZGVyOjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm\r\n"),
              StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(file_text(program_.log_path()), Not(HasSubstr(kToken)));
}

TEST_F(Serve, WarnsOfATokenThatOthersMayRead) {
  std::filesystem::permissions(token_file(), std::filesystem::perms(0640));
  start({"--token-file", program_.path("token")});
  EXPECT_THAT(file_text(program_.log_path()), Not(HasSubstr("others may read")));
  server_.reset();
  port_ = 0;
  std::filesystem::remove(program_.log_path());
  std::filesystem::permissions(program_.path("token"), std::filesystem::perms(0644));
  start({"--token-file", program_.path("token")});
  EXPECT_THAT(file_text(program_.log_path()), HasSubstr("warning: others may read the token"));
}

TEST_F(Serve, RefusesAPageOfAnotherSiteThatWasLedHere) {
  start();
  EXPECT_THAT(ask("GET /prod/ HTTP/1.1\r\nHost: evil.example:8790\r\n\r\n"),
              StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(ask("GET /prod/ HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(ask("GET /prod/ HTTP/1.1\r\nHost: localhost:8790\r\n\r\n"),
              StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(ask("GET /prod/ HTTP/1.1\r\nHost: [::1]:8790\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(Serve, RefusesToBeReachedFromElsewhereWithoutAWord) {
  const CommandResult open = program_.run({"serve", "--listen", "0.0.0.0:0"});
  EXPECT_EQ(open.status, 7) << open.errors;
  EXPECT_THAT(open.errors, HasSubstr("--no-token"));
  EXPECT_EQ(program_.run({"serve", "--listen", "nowhere"}).status, 2);
  std::ofstream(program_.path("short")) << "abc\n";
  EXPECT_EQ(program_.run({"serve", "--token-file", program_.path("short")}).status, 3);
  EXPECT_EQ(program_.run({"serve", "--token-file", program_.path("none")}).status, 3);
}

TEST_F(Serve, SurvivesGarbage) {
  start();
  const std::string null_bytes(3000, '\0');
  for (const std::string& garbage :
       {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello\r\n\r\n"),
        null_bytes + "\r\n\r\n", std::string("GET\r\n\r\n"), std::string("GET / HTTP/9.9\r\n\r\n"),
        "GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(60'000, 'b') + "\r\n\r\n",
        "GET / HTTP/1.1\r\n" + std::string(200, ':') + "\r\n\r\n",
        std::string("GET /prod/documents?q=%ff%fe%zz HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        std::string(
            "POST /prod/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999\r\n\r\n"),
        std::string("GET / HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-,-1,5-2\r\n\r\n")}) {
    const Connection connection(port_);
    connection.send(garbage);
    EXPECT_THAT(connection.answer(), Not(HasSubstr("HTTP/1.1 500"))) << garbage.substr(0, 60);
  }
  std::string many = "GET / HTTP/1.1\r\nHost: localhost\r\n";
  for (int i = 0; i < 5000; ++i) many += "X-" + std::to_string(i) + ": a\r\n";
  const Connection connection(port_);
  connection.send(many + "\r\n");
  connection.answer();
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200"));
}

TEST_F(Serve, AnswersOnceAndWhole) {
  start();
  const std::string whole = get("/healthz");
  const std::string ranges = get("/healthz", "Range: bytes=0-1,0-1,0-1,0-1,0-1,0-1,0-1,0-1\r\n");
  EXPECT_THAT(ranges, StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(ranges.substr(ranges.find("\r\n\r\n")), whole.substr(whole.find("\r\n\r\n")));
  const std::string expecting = get("/healthz", "Expect: 100-continue\r\n");
  EXPECT_THAT(expecting, StartsWith("HTTP/1.1 417"));
  EXPECT_EQ(expecting.find("HTTP/1.1", 1), std::string::npos) << expecting;
}

TEST_F(Serve, SlowClientsKeepNobodyWaiting) {
  start();
  std::vector<std::unique_ptr<Connection>> slow;
  for (int i = 0; i < 15; ++i) {
    slow.push_back(std::make_unique<Connection>(port_));
    ASSERT_TRUE(slow.back()->send("GET / HTTP/1.1\r\nHost: local"));
  }
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200"));
  // A byte now and then does not keep a connection for ever.
  bool open = true;
  for (int tries = 0; open && tries < 240; ++tries) {
    open = slow.front()->send("h") && slow.front()->send("o");
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
  }
  EXPECT_FALSE(open);
}

TEST_F(Serve, ClientsThatDoNotReadKeepNobodyWaitingForEver) {
  for (int i = 0; i < 400; ++i)
    program_.write_document("ecm/" + std::string(200, 'n') + std::to_string(i), "text");
  ASSERT_EQ(program_.run({"--env", "prod", "backup"}).status, 0);
  start();
  // More than there are threads, each asking for a page that does not fit into its window.
  std::vector<std::unique_ptr<Connection>> deaf;
  for (int i = 0; i < 20; ++i) {
    deaf.push_back(std::make_unique<Connection>(port_, true));
    ASSERT_TRUE(deaf.back()->send("GET /prod/documents?q=nnn HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  }
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200"));
  const std::string cut = deaf.front()->answer();
  EXPECT_THAT(cut, StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(cut.find("</html>"), std::string::npos) << "it was to wait for its reader";
}

TEST_F(Serve, SaysWhereItCannotListen) {
  const SilentStore taken;
  const std::string port = std::to_string(taken.port());
  const CommandResult busy = program_.run({"serve", "--listen", "127.0.0.1:" + port});
  EXPECT_EQ(busy.status, 2);
  EXPECT_THAT(busy.errors, HasSubstr("http://127.0.0.1:" + port + "/: Address already in use"));
  // An address of documentation (RFC 5737), which no machine has.
  const CommandResult strange = program_.run({"serve", "--no-token", "--listen", "192.0.2.1:0"});
  EXPECT_EQ(strange.status, 2);
  EXPECT_THAT(strange.errors, HasSubstr("http://192.0.2.1:0/: Cannot assign requested address"));
  start();
  EXPECT_EQ(program_.run({"serve", "--listen", "127.0.0.1:" + std::to_string(port_)}).status, 2)
      << "two servers on one port";
}

TEST_F(Serve, AStoreThatIsBeingReadIsNoFailureOfTheBackups) {
  const SilentStore store;
  program_.use_s3_store(store.settings());
  start();
  const Connection first(port_);
  ASSERT_TRUE(first.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  const UniqueFd asked = store.accept();
  const std::string second = get("/metrics");
  EXPECT_THAT(second, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(second, HasSubstr("Retry-After: "));
  EXPECT_THAT(second, Not(HasSubstr("dolibarr_backup_ok")));
}

TEST_F(Serve, TheMetricsDoNotWaitForAReport) {
  const SilentStore store;
  program_.use_s3_store(store.settings());
  start();
  const Connection report(port_);
  ASSERT_TRUE(report.send("GET /prod/ HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  const UniqueFd asked = store.accept();
  const Connection scrape(port_);
  ASSERT_TRUE(scrape.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  EXPECT_GE(store.accept().get(), 0) << "it asks the store itself";
}

TEST_F(Serve, AStoreThatCannotBeAskedIsTold) {
  program_.use_s3_store(SilentStore().settings());  // its port is closed again
  start();
  const std::string metrics = get("/metrics");
  EXPECT_THAT(metrics, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(metrics, HasSubstr("dolibarr_backup_ok{env=\"prod\"} 0\n"));
  EXPECT_THAT(metrics, HasSubstr("finding=\"unreadable\",severity=\"failure\"} 1\n"));
  EXPECT_THAT(get("/prod/"), StartsWith("HTTP/1.1 503"));
}

TEST_F(Serve, EndsCleanlyAtASignal) {
  start();
  const Connection idle(port_);
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200"));
  // A connection that asks nothing is not waited for, and nothing has to be killed.
  ::kill(server_->pid(), SIGTERM);
  int status = -1;
  ASSERT_EQ(::waitpid(server_->pid(), &status, 0), server_->pid());
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_FALSE(Connection(port_).connected());
}

}  // namespace
}  // namespace dolibarr_backup
