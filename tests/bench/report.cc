#include "tests/bench/report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "api/json_writer.h"

namespace longhaul::bench {
namespace {

using Row = std::array<std::string, 8>;

std::string with_decimals(double value, int decimals) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return text.data();
}

// Three digits that mean something, thousands set apart.
std::string number_text(double value) {
  if (std::abs(value) < 10) return with_decimals(value, value == std::round(value) ? 0 : 2);
  std::string digits = with_decimals(value, std::abs(value) < 100 ? 1 : 0);
  if (std::abs(value) < 1000) return digits;
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string time_text(const std::optional<std::chrono::nanoseconds>& time) {
  if (!time) return "";
  const double us = std::chrono::duration<double, std::micro>(*time).count();
  return us < 1000 ? number_text(us) + " us" : number_text(us / 1000) + " ms";
}

double ratio_of(const Figure& figure, const Limit& limit) {
  if (limit.value == 0) return 0;
  return limit.ratio.value_or(figure.value / limit.value);
}

std::vector<Row> rows_of(const Report& report) {
  std::vector<Row> rows = {{"measured", "figure", "p50", "p99", "beside", "its figure", "ratio", "expected"}};
  for (const Figure& figure : report.figures) {
    Row row = {figure.name, number_text(figure.value) + " " + figure.unit, time_text(figure.p50),
               time_text(figure.p99)};
    for (const Limit& limit : figure.limits) {
      row[4] = limit.name;
      row[5] = number_text(limit.value);
      row[6] = limit.value == 0 ? "" : with_decimals(ratio_of(figure, limit), 2);
      row[7] = limit.expected;
      rows.push_back(row);
      row = {};
    }
    if (figure.limits.empty()) rows.push_back(row);
  }
  return rows;
}

std::string padded(const std::string& text, std::size_t width, bool to_the_right) {
  const std::string blanks(width - std::min(width, text.size()), ' ');
  return to_the_right ? blanks + text : text + blanks;
}

void write_limits(api::JsonWriter& json, const Figure& figure) {
  json.key("limits").begin_array();
  for (const Limit& limit : figure.limits) {
    json.begin_object();
    json.key("name").string(limit.name);
    json.key("value").number(limit.value);
    json.key("ratio").number(ratio_of(figure, limit));
    json.key("expected").string(limit.expected);
    json.end_object();
  }
  json.end_array();
}

void write_time(api::JsonWriter& json, std::string_view name,
                const std::optional<std::chrono::nanoseconds>& time) {
  if (time) json.key(name).number(std::chrono::duration<double>(*time).count());
}

}  // namespace

std::string table_of(const Report& report) {
  const std::vector<Row> rows = rows_of(report);
  std::array<std::size_t, std::tuple_size_v<Row>> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool is_text = i == 0 || i == 4 || i == 7;
      line += (i == 0 ? "" : "  ") + padded(row[i], widths[i], !is_text);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  for (const std::string& failure : report.failures) out += "could not be measured: " + failure + "\n";
  return out;
}

std::string json_of(const Report& report) {
  api::JsonWriter json;
  json.begin_object();
  json.key("version").string(LONGHAUL_VERSION);
  json.key("quick").boolean(report.quick);
  json.key("figures").begin_array();
  for (const Figure& figure : report.figures) {
    json.begin_object();
    json.key("name").string(figure.name);
    json.key("value").number(figure.value);
    json.key("unit").string(figure.unit);
    write_time(json, "p50_seconds", figure.p50);
    write_time(json, "p99_seconds", figure.p99);
    write_limits(json, figure);
    json.end_object();
  }
  json.end_array();
  json.key("failures").begin_array();
  for (const std::string& failure : report.failures) json.string(failure);
  json.end_array();
  json.end_object();
  return json.take() + "\n";
}

}  // namespace longhaul::bench
