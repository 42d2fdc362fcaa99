// Pages of GET /tasks: newest first, filtered, each with a bounded amount of work.
#include <algorithm>
#include <span>
#include <string_view>

#include "storage/sqlite/reads.h"
#include "storage/sqlite/task_row.h"

namespace longhaul::storage {
namespace {

// Both ends exclusive.
struct IdRange {
  TaskId after;
  TaskId before;
};

TaskId greatest_id() {
  TaskId::Bytes bytes;
  bytes.fill(0xFF);
  return TaskId(bytes);
}

std::chrono::milliseconds since_1970(WallTime time) {
  return std::max(time.time_since_epoch(), std::chrono::milliseconds(0));
}

// Ids begin with the time of their making, so that times become the edges of a range of ids.
IdRange range_of(const api::TaskQuery& query) {
  IdRange range{TaskId(), greatest_id()};
  if (query.filter.created_after) {
    range.after = TaskId::make(since_1970(*query.filter.created_after), 0xFFF, ~std::uint64_t{0});
  }
  if (query.filter.created_before) range.before = TaskId::first_of(since_1970(*query.filter.created_before));
  if (query.older_than) range.before = std::min(range.before, *query.older_than);
  return range;
}

// A row of one of the list statements.
enum Column : int { seq, id, state, type, queue };

bool row_fits(const Query& row, const api::TaskFilter& filter) {
  return (!filter.state || row.text(Column::state) == api::to_text(*filter.state)) &&
         (!filter.type || row.text(Column::type) == *filter.type) &&
         (!filter.queue || row.text(Column::queue) == *filter.queue);
}

class PageReader {
 public:
  PageReader(Statements& statements, const api::TaskQuery& query) : statements_(statements), query_(query) {}

  // Steps through the rows until the page is full and one more task is known to follow, or there is no row
  // left, or the scan's limit is reached.
  api::TaskPage read(Query& rows) {
    std::optional<TaskId> last;
    for (; rows.row(); ++scanned_) {
      if (scanned_ >= rows_in_a_page_scan) return continued_after(last);
      const TaskId row_id = rows.task_id(Column::id);
      if (row_fits(rows, query_.filter) && has_tags(row_id)) {
        if (is_full()) return continued_after(last);
        TaskSnapshotPtr task = read_task(statements_, TaskKey(rows.integer(Column::seq)));
        if (task->result) result_bytes_ += task->result->text.size();
        page_.tasks.push_back(std::move(task));
      }
      last = row_id;
    }
    return std::move(page_);
  }

 private:
  // Whatever row came by its first tag. Looked up by name, so that nothing of a task is read in vain.
  [[nodiscard]] bool has_tags(const TaskId& task) {
    if (query_.filter.tags.empty()) return true;
    return std::ranges::all_of(std::span(query_.filter.tags).subspan(1), [&](const auto& tag) {
      ++scanned_;
      return statements_.use("has_tag").bind(tag.first, tag.second, task).row();
    });
  }
  [[nodiscard]] bool is_full() const {
    return page_.tasks.size() >= query_.page_size || result_bytes_ > api::limits::page_result_bytes;
  }
  api::TaskPage continued_after(const std::optional<TaskId>& last) {
    page_.continue_after = last;
    return std::move(page_);
  }

  Statements& statements_;
  const api::TaskQuery& query_;
  api::TaskPage page_;
  std::size_t scanned_ = 0;  // rows, of whatever table
  std::size_t result_bytes_ = 0;
};

}  // namespace

api::TaskPage read_page(Statements& statements, const api::TaskQuery& query) {
  const IdRange range = range_of(query);
  const api::TaskFilter& filter = query.filter;
  PageReader reader(statements, query);
  if (!filter.tags.empty()) {
    Query rows = statements.use("list_by_tag");
    const auto& [name, value] = filter.tags.front();
    return reader.read(rows.bind(name, value, range.before, range.after));
  }
  if (filter.state && *filter.state != TaskState::succeeded) {
    Query rows = statements.use("list_by_state");
    return reader.read(rows.bind(*filter.state, range.before, range.after));
  }
  Query rows = statements.use("list_by_id");
  return reader.read(rows.bind(range.before, range.after));
}

}  // namespace longhaul::storage
