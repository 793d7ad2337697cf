#pragma once

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <type_traits>
#include <utility>

#include "core/setting_values.h"
#include "core/settings_keys.h"

namespace dolibarr_backup {

/// Builds one row of setting_keys(). `Field` is a function from EnvironmentSettings
/// to a reference to the value's place.
class SettingKeyBuilder {
 public:
  using Settings = EnvironmentSettings;
  using Check = std::string (*)(std::string_view);
  using Tidy = std::string (*)(std::string_view);

  explicit SettingKeyBuilder(std::string name) { key_.name = std::move(name); }

  SettingKeyBuilder& flag(std::string name) {
    key_.flag = std::move(name);
    return *this;
  }
  SettingKeyBuilder& variables(std::vector<std::string> names) {
    key_.variables = std::move(names);
    return *this;
  }
  SettingKeyBuilder& file_key(std::string name) {
    key_.file_key = std::move(name);
    return *this;
  }
  SettingKeyBuilder& kind(SettingKey::Kind kind) {
    key_.kind = kind;
    return *this;
  }
  SettingKeyBuilder& location() {
    key_.is_location = true;
    return *this;
  }
  SettingKeyBuilder& alternative() {
    key_.is_alternative = true;
    return *this;
  }

  /// A text, brought into its usual form by `tidy` and then judged by `check`.
  template <typename Field>
  SettingKeyBuilder& text(Field field, Check check, Tidy tidy = nullptr) {
    key_.put = [=](Settings& settings, const std::string& given) {
      const std::string value = tidy ? tidy(given) : given;
      std::string complaint = check(value);
      if (complaint.empty()) field(settings) = value;
      return complaint;
    };
    key_.get = [=](Settings settings) { return field(settings); };
    return *this;
  }

  template <typename Field>
  SettingKeyBuilder& secret(Field field, Check check = check_plain_text) {
    key_.kind = SettingKey::Kind::secret;
    key_.put = [=](Settings& settings, const std::string& given) {
      std::string complaint = check(given);
      if (complaint.empty()) field(settings) = Secret(given);
      return complaint;
    };
    key_.get = [=](Settings settings) -> std::string {
      return field(settings).empty() ? "" : "***";
    };
    return *this;
  }

  template <typename Field>
  SettingKeyBuilder& number(Field field, int64_t least, int64_t most) {
    key_.put = [=](Settings& settings, const std::string& given) -> std::string {
      auto& place = field(settings);
      const auto value = read_whole_number(given);
      if (!value || *value < least || *value > most)
        return fmt::format("must be a whole number from {} to {}", least, most);
      place = static_cast<std::remove_reference_t<decltype(place)>>(*value);
      return "";
    };
    key_.get = [=](Settings settings) { return std::to_string(field(settings)); };
    return *this;
  }

  template <typename Field>
  SettingKeyBuilder& duration(Field field, std::chrono::seconds least, std::chrono::seconds most) {
    key_.put = [=](Settings& settings, const std::string& given) -> std::string {
      auto& place = field(settings);
      using Unit = std::remove_reference_t<decltype(place)>;
      const auto value = read_duration(given);
      if (!value || *value < least || *value > most || *value % Unit(1) != Unit::zero())
        return fmt::format("must be a time from {} to {}, in {}", duration_text(least),
                           duration_text(most),
                           std::is_same_v<Unit, std::chrono::hours> ? "whole hours such as 36h"
                                                                    : "s, m, h or d such as 90s");
      place = std::chrono::duration_cast<Unit>(*value);
      return "";
    };
    key_.get = [=](Settings settings) { return duration_text(field(settings)); };
    return *this;
  }

  template <typename Field>
  SettingKeyBuilder& boolean(Field field) {
    key_.put = [=](Settings& settings, const std::string& given) -> std::string {
      const auto value = read_boolean(given);
      if (!value) return "must be true or false";
      field(settings) = *value;
      return "";
    };
    key_.get = [=](Settings settings) -> std::string { return field(settings) ? "true" : "false"; };
    return *this;
  }

  /// One of two words.
  template <typename Field, typename Value>
  SettingKeyBuilder& choice(Field field, std::pair<std::string, Value> first,
                            std::pair<std::string, Value> second) {
    key_.put = [=](Settings& settings, const std::string& given) -> std::string {
      if (given != first.first && given != second.first)
        return "must be " + first.first + " or " + second.first;
      field(settings) = given == first.first ? first.second : second.second;
      return "";
    };
    key_.get = [=](Settings settings) {
      return field(settings) == first.second ? first.first : second.first;
    };
    return *this;
  }

  template <typename Put, typename Get>
  SettingKeyBuilder& custom(Put put, Get get) {
    key_.put = put;
    key_.get = get;
    return *this;
  }

  operator SettingKey() const { return key_; }

 private:
  SettingKey key_;
};

}  // namespace dolibarr_backup
