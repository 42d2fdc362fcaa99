"""A page of another origin in a real browser: plain EventSource and WebSocket, from the start of a task to its final event."""

import json

import pytest

from chromium import browsing
from longhaul_server import running_server
from page_server import PageServer

KEY = "???>>>-0123456789-abcdef"
TASK = json.dumps({"type": "sleep", "payload": {"seconds": 1.5}, "tags": {"from": "a page"}})


@pytest.fixture(scope="module")
def pages():
    with PageServer() as running:
        yield running


def config_for(pages):
    return f'[server]\nallowed_origins = ["{pages.origin}"]\n'


def check_events(events, final):
    ids = [event["id"] for event in events]
    assert len(set(ids)) == len(ids) and all(ids), events
    assert events[0]["type"] == "snapshot" and {event["type"] for event in events[1:]} == {"state", "progress"}, events
    states = [event["status"] for event in events]
    assert states[-1] == final and states.index("running") == states.count("queued"), events


def test_a_task_seen_through(pages):
    with running_server(config=config_for(pages)) as server:
        with browsing(pages.page(server=server.url(), task=TASK)):
            report = pages.report()
        assert not report["problems"] and "failed" not in report, report
        assert report["protocol"] == "longhaul.v1"
        assert report["closed"] == {"code": 1000, "clean": True, "reason": ""}, report
        check_events(report["socket"], "succeeded")
        check_events(report["stream"], "succeeded")
        assert {event["origin"] for event in report["stream"]} == {server.url()}
        with server.client() as client:
            status = client.status(report["started"]["task_id"])
            assert status["status"] == "succeeded" and status["tags"] == {"from": "a page"}


def test_with_a_key(pages):
    with running_server(config=config_for(pages), key=KEY) as server:
        with browsing(pages.page(server=server.url(), task=TASK, key=KEY)):
            report = pages.report()
        assert report["protocol"] == "longhaul.v1" and not report["problems"], report
        check_events(report["socket"], "succeeded")
        for wrong in (KEY + "x", ""):
            with browsing(pages.page(server=server.url(), task=TASK, key=wrong)):
                assert_shut_out(pages.report())
        assert KEY not in server.whole_log()


def assert_shut_out(report):
    assert report["failed"] and report["closed"]["code"] == 1006 and not report["socket"], report
    assert "started" not in report and "protocol" not in report


def test_an_origin_that_is_not_allowed(pages):
    with running_server() as server:
        with browsing(pages.page(server=server.url(), task=TASK)):
            assert_shut_out(pages.report())
        with server.client() as client:
            assert client.get("/tasks").json["tasks"] == []


def test_when_the_server_stops(pages):
    with running_server(config=config_for(pages)) as server:
        with browsing(pages.page(server=server.url(), until="close")):
            assert pages.report()["protocol"] == "longhaul.v1"
            server.process.terminate()
            assert pages.report()["closed"] == {"code": 1001, "clean": True, "reason": "the server stops"}
