"""docs/metrics.md and what a server says are the same; the rules in examples/ speak of metrics that there are."""

import re
import shutil
import subprocess

import documents
import pytest
from documents import ROOT
from longhaul_server import running_server
from metrics import scrape

PAGE = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
EXAMPLES = ROOT / "examples/prometheus"
# Labels that a query gives a name to, or that Prometheus adds.
OTHER_LABELS = {"le", "job", "instance"}


def documented():
    """Type and labels by name."""
    rows = documents.table_rows(PAGE, ("metric", "type", "labels", "meaning"))
    found = {re.fullmatch(r"`(\w+)`", row[0])[1]: (row[1], set(re.findall(r"`(\w+)`", row[2]))) for row in rows}
    assert len(found) == len(rows), "a metric is there twice"
    assert all(row[3] for row in rows)
    return found


@pytest.fixture(scope="module")
def live():
    with running_server(tasks={"work": "true"}) as server, server.client() as client:
        client.run("work")
        yield {name: (family.type, {label for sample in family.samples for label in sample.labels} - {"le"})
               for name, family in scrape(client).families.items()}


def test_the_page_lists_every_metric_and_no_other(live):
    assert documented() == live


def test_names_follow_the_conventions(live):
    for name, (kind, _) in live.items():
        assert re.fullmatch(r"(longhaul|process)(_[a-z]+)+", name), name
        assert name.endswith("_total") == (kind == "counter"), name
        assert not re.search(r"_(ms|milliseconds|kb|mb|minutes|count|sum|bucket)$", name), name


def metrics_named(text):
    for name in set(re.findall(r"\blonghaul_\w+", text)):
        yield re.sub(r"_(bucket|sum|count)$", "", name) if name.endswith(("_seconds_bucket", "_seconds_sum", "_seconds_count")) else name


def expressions(text):
    return re.findall(r"expr:\s*(?:>-\s*\n)?((?:.+\n)(?:\s{10,}.+\n)*)", text)


def test_rules_speak_of_metrics_that_there_are(live):
    text = (EXAMPLES / "alerts.yml").read_text(encoding="utf-8")
    assert len(expressions(text)) == text.count("- alert:") >= 3
    for expression in expressions(text):
        named = set(metrics_named(expression))
        assert named and named <= live.keys(), expression
        labels = set().union(*(live[name][1] for name in named)) | OTHER_LABELS
        used = set(re.findall(r"[{,]\s*(\w+)\s*(?:=|!)", expression))
        for group in re.findall(r"by \(([^)]*)\)", expression):
            used |= {label.strip() for label in group.split(",")}
        assert used <= labels, expression


def test_the_scrape_configuration_of_the_page_is_the_example():
    [shown] = [block.text for block in documents.blocks(PAGE) if block.language == "yaml"]
    assert shown in (EXAMPLES / "prometheus.yml").read_text(encoding="utf-8")


def promtool(*arguments, **options):
    result = subprocess.run([shutil.which("promtool"), *arguments], capture_output=True, text=True, timeout=60, check=False, **options)
    assert result.returncode == 0, result.stdout + result.stderr


def test_prometheus_own_tool_agrees_where_there_is_one():
    """The parser of the Python client, which every test uses, is what is promised; this says more where it can."""
    if shutil.which("promtool") is None:
        return
    promtool("check", "config", "prometheus.yml", cwd=EXAMPLES)
    with running_server() as server, server.client() as client:
        promtool("check", "metrics", input=scrape(client).text)


def test_all_of_it_can_fail(live):
    assert documented() != {**live, "longhaul_new": ("gauge", set())}
    assert set(metrics_named("rate(longhaul_commit_seconds_bucket[5m]) + longhaul_nothing")) == {"longhaul_commit_seconds", "longhaul_nothing"}
    assert expressions("  expr: a > 1\n  for: 5m\n") == ["a > 1\n"]
    assert len(expressions("        expr: >-\n          a\n          > b\n        for: 1m\n")[0].splitlines()) == 2
