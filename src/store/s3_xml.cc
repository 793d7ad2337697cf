#include "store/s3_xml.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <ctime>
#include <pugixml.hpp>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

// Keys of blanks only are keys.
constexpr unsigned kParseOptions = pugi::parse_default | pugi::parse_ws_pcdata_single;

Error unexpected(const std::string& what) {
  return Error(Errc::store, "the store's answer is not what S3 sends: " + what)
      .with_hint(kNotS3Hint);
}

// The root element, whatever its namespace prefix; null if there is none.
pugi::xml_node root_of(pugi::xml_document& document, std::string_view xml) {
  if (!document.load_buffer(xml.data(), xml.size(), kParseOptions)) return {};
  return document.document_element();
}

std::string_view local_name(const pugi::xml_node& node) {
  const std::string_view name = node.name();
  const size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

pugi::xml_node require_root(pugi::xml_document& document, std::string_view xml,
                            std::string_view name) {
  const pugi::xml_node root = root_of(document, xml);
  if (local_name(root) != name) throw unexpected(fmt::format("no <{}> in it", name));
  return root;
}

std::string text_of(const pugi::xml_node& node, const char* child) {
  return node.child(child).text().get();
}

std::string require_text(const pugi::xml_node& node, const char* child) {
  std::string text = text_of(node, child);
  if (text.empty()) throw unexpected(fmt::format("<{}> without <{}>", local_name(node), child));
  return text;
}

uint64_t parse_size(const std::string& text) {
  uint64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error != std::errc() || end != text.data() + text.size())
    throw unexpected("'" + text + "' is no size");
  return size;
}

bool is_truncated(const pugi::xml_node& root) {
  return text_of(root, "IsTruncated") == "true";
}

}  // namespace

std::optional<S3ErrorBody> parse_error(std::string_view xml) {
  pugi::xml_document document;
  const pugi::xml_node root = root_of(document, xml);
  if (local_name(root) != "Error") return std::nullopt;
  return S3ErrorBody{.code = text_of(root, "Code"),
                     .message = text_of(root, "Message"),
                     .region = text_of(root, "Region"),
                     .endpoint = text_of(root, "Endpoint")};
}

ObjectPage parse_object_page(std::string_view xml) {
  pugi::xml_document document;
  const pugi::xml_node root = require_root(document, xml, "ListBucketResult");
  ObjectPage page;
  for (const pugi::xml_node& object : root.children("Contents"))
    page.objects.push_back({.key = require_text(object, "Key"),
                            .size = parse_size(require_text(object, "Size")),
                            .modified = parse_xml_time(require_text(object, "LastModified"))});
  if (is_truncated(root)) page.next = require_text(root, "NextContinuationToken");
  return page;
}

UploadPage parse_upload_page(std::string_view xml) {
  pugi::xml_document document;
  const pugi::xml_node root = require_root(document, xml, "ListMultipartUploadsResult");
  UploadPage page;
  for (const pugi::xml_node& upload : root.children("Upload"))
    page.uploads.push_back({.key = require_text(upload, "Key"),
                            .id = require_text(upload, "UploadId"),
                            .started = parse_xml_time(require_text(upload, "Initiated"))});
  if (is_truncated(root)) {
    page.next_key = require_text(root, "NextKeyMarker");
    page.next_id = text_of(root, "NextUploadIdMarker");
  }
  return page;
}

std::string parse_upload_id(std::string_view xml) {
  pugi::xml_document document;
  return require_text(require_root(document, xml, "InitiateMultipartUploadResult"), "UploadId");
}

bool is_complete_result(std::string_view xml) {
  pugi::xml_document document;
  return local_name(root_of(document, xml)) == "CompleteMultipartUploadResult";
}

std::string complete_request(const std::vector<std::string>& etags) {
  pugi::xml_document document;
  pugi::xml_node root = document.append_child("CompleteMultipartUpload");
  root.append_attribute("xmlns") = "http://s3.amazonaws.com/doc/2006-03-01/";
  for (size_t index = 0; index < etags.size(); ++index) {
    pugi::xml_node part = root.append_child("Part");
    part.append_child("PartNumber").text() = static_cast<unsigned>(index + 1);
    part.append_child("ETag").text() = etags[index].c_str();
  }
  struct StringWriter : pugi::xml_writer {
    std::string text;
    void write(const void* data, size_t size) override {
      text.append(static_cast<const char*>(data), size);
    }
  } writer;
  document.save(writer, "", pugi::format_raw | pugi::format_no_declaration);
  return writer.text;
}

Instant parse_xml_time(const std::string& text) {
  std::tm utc{};
  const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &utc);
  if (!end || (*end != '.' && std::strcmp(end, "Z") != 0))
    throw unexpected("'" + text + "' is no time");
  return Instant(std::chrono::seconds(timegm(&utc)));
}

std::optional<Instant> parse_http_time(const std::string& text) {
  const time_t seconds = curl_getdate(text.c_str(), nullptr);
  if (seconds < 0) return std::nullopt;
  return Instant(std::chrono::seconds(seconds));
}

}  // namespace dolibarr_backup
