"""Registered webhooks as a resource: making, showing, changing and removing them, and all that is refused. What they are told is
tested in test_webhook_events.py and test_webhook_deliveries.py."""

import datetime
import re
import signal

import pytest

from longhaul_server import running_server
from test_drain import begin_task, drained_server, draining, restarted
from test_webhook_delivery import config
from waiting import wait_until
from webhook_calls import UNKNOWN_ID, change, register, remove_all, time_of, webhook

URL = "https://example.invalid/hook?who=me"
FINAL_EVENTS = ["task.succeeded", "task.failed", "task.cancelled", "task.timed_out"]
SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{32,}={0,2}")


@pytest.fixture(scope="module")
def server():
    with running_server(config=config()) as running:
        yield running


@pytest.fixture
def client(server):
    with server.client() as connected:
        remove_all(connected)
        yield connected


def listed(client):
    return client.get("/webhooks").expect(200).json["webhooks"]


def without_secret(made):
    return {name: value for name, value in made.items() if name != "secret"}


# ---- making and showing

def test_a_bare_webhook(client):
    answer = client.post("/webhooks", {"url": URL}).expect(201)
    made = answer.json
    assert answer.header("Location") == f"/webhooks/{made['webhook_id']}" and answer.header("Cache-Control") == "no-store"
    assert SECRET.fullmatch(made["secret"])
    created = made.pop("created_at")
    assert abs(time_of(created).timestamp() - datetime.datetime.now().timestamp()) < 60
    assert without_secret(made) == {
        "webhook_id": made["webhook_id"], "url": URL, "events": FINAL_EVENTS, "types": None, "queues": None, "description": "",
        "disabled": False, "disabled_at": None, "disabled_reason": None, "failing_since": None, "circuit": "closed",
        "next_attempt_at": None, "old_secret_expires_at": None}
    assert client.get(answer.header("Location")).expect(200).json == {**without_secret(made), "created_at": created}


def test_a_whole_webhook(client):
    made = register(client, URL, events=["task.failed", "task.started", "task.failed"], types=["report", "a.b:c-d_e", "report"],
                    queues=["slow"], description="of the sh\u00f6p\n\U0001f600")
    assert made["events"] == ["task.started", "task.failed"]
    assert (made["types"], made["queues"]) == (["report", "a.b:c-d_e"], ["slow"])
    assert made["description"] == "of the sh\u00f6p\n\U0001f600"
    assert webhook(client, made["webhook_id"]) == without_secret(made)
    assert register(client, URL, events=["*"], types=None, queues=None)["events"] == ["*"]


def test_the_oldest_comes_first(client):
    assert listed(client) == []
    made = [register(client, f"https://example.invalid/{i}") for i in range(5)]
    assert listed(client) == [without_secret(one) for one in made]
    client.delete(f"/webhooks/{made[1]['webhook_id']}").expect(204)
    assert [one["url"][-1] for one in listed(client)] == ["0", "2", "3", "4"]


def test_a_secret_is_shown_once(client):
    first, second = register(client, URL), register(client, URL)
    assert first["webhook_id"] != second["webhook_id"] and first["secret"] != second["secret"]
    path = f"/webhooks/{first['webhook_id']}"
    answers = [client.get("/webhooks"), client.get(path), client.patch(path, {"description": "x"}), client.get(path + "/deliveries"),
               client.patch(path, {"disabled": True})]
    for answer in answers:
        assert "whsec_" not in answer.expect(200).text and '"secret"' not in answer.text


def test_a_secret_is_rotated(client):
    made = register(client, URL)
    seen = {made["secret"]}
    for _ in range(3):
        answer = client.post(f"/webhooks/{made['webhook_id']}/rotate-secret").expect(200)
        assert answer.header("Cache-Control") == "no-store"
        rotated = answer.json
        assert SECRET.fullmatch(rotated["secret"]) and rotated["secret"] not in seen
        seen.add(rotated["secret"])
        left = time_of(rotated["old_secret_expires_at"]) - datetime.datetime.now(datetime.timezone.utc)
        assert datetime.timedelta(hours=23, minutes=59) < left <= datetime.timedelta(hours=24, seconds=1)
        assert without_expiry(webhook(client, made["webhook_id"])) == without_expiry(without_secret(rotated))


def test_there_are_at_most_a_hundred(client):
    made = [register(client, URL)["webhook_id"] for _ in range(100)]
    answer = client.post("/webhooks", {"url": URL}).expect(409, "TOO_MANY_WEBHOOKS")
    assert "100" in answer.json["detail"]
    client.post("/webhooks", {"url": 7}).expect(422)
    client.delete(f"/webhooks/{made[50]}").expect(204)
    register(client, URL)
    client.post("/webhooks", {"url": URL}).expect(409)
    assert len(listed(client)) == 100


def test_they_outlive_the_server():
    with running_server(config=config()) as server:
        with server.client() as client:
            register(client, URL, events=["*"], types=["t"], queues=["q"], description="d")
            ids = [register(client, URL)["webhook_id"] for _ in range(3)]
            change(client, ids[0], disabled=True)
            client.post(f"/webhooks/{ids[1]}/rotate-secret").expect(200)
            client.delete(f"/webhooks/{ids[2]}").expect(204)
            before = listed(client)
        for kill in (True, False):
            server.restart(kill=kill)
            with server.client() as client:
                after = listed(client)
                assert [without_expiry(one) for one in after] == [without_expiry(one) for one in before]
                # How long a secret signs on is kept on a clock that nobody sets, and shown in the time of day.
                for one, other in zip(before, after):
                    times = [time_of(text) for text in (one["old_secret_expires_at"], other["old_secret_expires_at"]) if text]
                    assert not times or abs(times[0] - times[1]) < datetime.timedelta(seconds=30)


def without_expiry(entry):
    """The webhook, and whether an older secret of it signs, not until when."""
    return {**entry, "old_secret_expires_at": entry["old_secret_expires_at"] is not None}


# ---- changing and removing

@pytest.mark.parametrize("fields, shown", [
    ({"url": "http://other.invalid/"}, None), ({"events": ["*"]}, None), ({"events": ["task.retrying"]}, None), ({"types": ["x", "y"]}, None),
    ({"types": None}, None), ({"queues": ["q"]}, None), ({"queues": None}, None), ({"description": "new"}, None), ({"description": ""}, None),
    ({"types": ["b", "a", "b"]}, {"types": ["b", "a"]}),
    ({"url": "http://other.invalid/", "events": ["*"], "types": None, "queues": ["q"], "description": "all at once"}, None)])
def test_a_change_leaves_the_rest(client, fields, shown):
    made = without_secret(register(client, URL, events=["task.failed"], types=["t"], queues=["d"], description="old"))
    changed = change(client, made["webhook_id"], **fields)
    assert changed == {**made, **(shown or fields)}
    assert webhook(client, made["webhook_id"]) == changed


def test_disabled_and_enabled_again(client):
    made = without_secret(register(client, URL))
    disabled = change(client, made["webhook_id"], disabled=True)
    assert disabled["disabled"] and disabled["disabled_reason"] == "On request." and disabled["disabled_at"] >= made["created_at"]
    assert {**disabled, "disabled": False, "disabled_at": None, "disabled_reason": None} == made
    assert change(client, made["webhook_id"], disabled=True) == disabled, "it is so already"
    assert change(client, made["webhook_id"], description="x", disabled=False) == {**made, "description": "x"}
    assert change(client, made["webhook_id"], disabled=False) == {**made, "description": "x"}


def test_a_removed_one_is_gone(client):
    made, other = register(client, URL), register(client, URL)
    answer = client.delete(f"/webhooks/{made['webhook_id']}").expect(204)
    assert answer.body == b""
    for method, path in of_one(made["webhook_id"]):
        client.request(method, path, **body_for(method, path)).expect(404, "WEBHOOK_NOT_FOUND")
    assert listed(client) == [without_secret(other)]


def of_one(webhook_id):
    path = f"/webhooks/{webhook_id}"
    return [("GET", path), ("PATCH", path), ("DELETE", path), ("POST", path + "/rotate-secret"), ("POST", path + "/test"),
            ("POST", path + "/recover"), ("GET", path + "/deliveries")]


def body_for(method, path):
    if method == "PATCH":
        return {"value": {"description": "x"}}
    return {"value": {"since": "2026-01-01T00:00:00Z"}} if path.endswith("/recover") else {}


@pytest.mark.parametrize("webhook_id", [UNKNOWN_ID, "x", "01890A5D-AC96-774B-BCCE-B302099A8057", UNKNOWN_ID + "0", "%20", "..%2f"])
def test_unknown_and_malformed_ids(client, webhook_id):
    for method, path in of_one(webhook_id):
        client.request(method, path, **body_for(method, path)).expect(404, "WEBHOOK_NOT_FOUND")
    for method, path in (("GET", f"/deliveries/{webhook_id}"), ("POST", f"/deliveries/{webhook_id}/redeliver")):
        client.request(method, path).expect(404, "DELIVERY_NOT_FOUND")


# ---- what is refused

WRONG_FIELDS = [
    *(("url", url, "") for url in (None, 7, "", "example.invalid", "ftp://example.invalid/", "http://u@example.invalid/",
                                   "https://example.invalid/#x", "https://example.invalid/" + "x" * 2100, "http://169.254.169.254/",
                                   "http://[::1]/", "http://93.184.215.14:22/", ["https://example.invalid/"])),
    *(("events", value, "") for value in ([], None, 7, "*", "task.failed", {"task.failed": True})),
    ("events", ["task.gone"], "/0"), ("events", ["*", "task.failed"], "/0"), ("events", ["task.failed", "*"], "/1"),
    ("events", ["webhook.test"], "/0"), ("events", ["task.failed", None], "/1"), ("events", ["Task.failed"], "/0"),
    *((field, value, where) for field in ("types", "queues") for value, where in (
        ([], ""), ("t", ""), (7, ""), ({}, ""), ([f"n{i}" for i in range(101)], ""), ([7], "/0"), (["ok", None], "/1"), ([""], "/0"),
        (["a b"], "/0"), (["x" * 101], "/0"), (["a", "b", "\u00fc"], "/2"))),
    *(("description", value, "") for value in (None, 7, "x" * 501, "a\u0000b", ["x"])),
    *((field, "x", "") for field in ("secret", "webhook_id", "created_at", "circuit", "disabled_reason", "URL", "")),
]


@pytest.mark.parametrize("field, value, where", WRONG_FIELDS)
def test_wrong_fields(client, field, value, where):
    pointer = f"#/{field}{where}"
    made = without_secret(register(client, URL))
    answer = client.post("/webhooks", {"url": URL, field: value}).expect(422, "VALIDATION_FAILED")
    assert answer.pointers == [pointer]
    answer = client.patch(f"/webhooks/{made['webhook_id']}", {"description": "new", field: value}).expect(422, "VALIDATION_FAILED")
    assert answer.pointers == [pointer]
    assert listed(client) == [made], "a refused request changes nothing"


def test_what_is_sound_at_its_limits(client):
    names = [f"n{i}" for i in range(99)] + ["x" * 100]
    made = register(client, "https://example.invalid/" + "x" * (2048 - 24), description="\u00fc" * 500, types=names, queues=names)
    assert made["types"] == made["queues"] == names


def test_every_fault_is_told(client):
    body = {"url": 1, "events": [], "types": ["a b", 7], "queues": {}, "description": None, "colour": "red"}
    wanted = ["#/colour", "#/description", "#/events", "#/queues", "#/types/0", "#/types/1", "#/url"]
    assert sorted(client.post("/webhooks", body).expect(422).pointers) == wanted
    webhook_id = register(client, URL)["webhook_id"]
    answer = client.patch(f"/webhooks/{webhook_id}", {**body, "disabled": "yes"}).expect(422)
    assert sorted(answer.pointers) == sorted([*wanted, "#/disabled"])


def test_a_new_one_needs_a_url_and_a_change_something(client):
    assert client.post("/webhooks", {}).expect(422).pointers == ["#/url"]
    assert client.post("/webhooks", {"url": URL, "disabled": False}).expect(422).pointers == ["#/disabled"]
    path = f"/webhooks/{register(client, URL)['webhook_id']}"
    answer = client.patch(path, {}).expect(422)
    assert answer.pointers == ["#"] and "must change something" in answer.text
    for value in (None, "yes", 0, []):
        assert client.patch(path, {"disabled": value}).expect(422).pointers == ["#/disabled"]


@pytest.mark.parametrize("body, pointers", [
    ({}, ["#/since"]), ({"since": None}, ["#/since"]), ({"since": 5}, ["#/since"]), ({"since": "yesterday"}, ["#/since"]),
    ({"since": "2026-01-01"}, ["#/since"]), ({"since": "2026-01-01T00:00:00Z", "until": "x"}, ["#/until"]), ([], ["#"]), (None, ["#"])])
def test_since_when_to_recover(client, body, pointers):
    path = f"/webhooks/{register(client, URL)['webhook_id']}/recover"
    assert client.post(path, body).expect(422, "VALIDATION_FAILED").pointers == pointers


def test_bodies_that_are_none(client):
    path = f"/webhooks/{register(client, URL)['webhook_id']}"
    for method, target in (("POST", "/webhooks"), ("PATCH", path), ("POST", path + "/recover")):
        for body in ("", "{", '{"url": "x", "url": "y"}', b"\xff"):
            client.request(method, target, body=body).expect(400, "MALFORMED_JSON")
        for body in ("[]", "null", '"x"'):
            assert client.request(method, target, body=body).expect(422).pointers == ["#"]
        client.request(method, target, body="{}", headers={"Content-Type": "text/plain"}).expect(415)
        client.request(method, target, body="x" * (1024 * 1024 + 1)).expect(413)
    for method, target in (("DELETE", path), ("POST", path + "/rotate-secret"), ("POST", path + "/test"), ("GET", path),
                           ("POST", f"/deliveries/{UNKNOWN_ID}/redeliver"), ("GET", "/webhooks")):
        assert client.request(method, target, {}).expect(422).pointers == ["#"]
    assert len(listed(client)) == 1


def test_parameters_that_are_none(client):
    path = f"/webhooks/{register(client, URL)['webhook_id']}"
    for method, target in (("GET", "/webhooks"), ("GET", path), ("DELETE", path), ("POST", path + "/test"),
                           ("GET", f"/deliveries/{UNKNOWN_ID}")):
        assert client.request(method, target, query={"x": "1"}).expect(422).pointers == ["?x"]
    answer = client.get(path + "/deliveries", query={"status": "done", "page_size": "x", "wait": "1"})
    assert sorted(answer.expect(422).pointers) == ["?page_size", "?status", "?wait"]


@pytest.mark.parametrize("path, allowed", [
    ("/webhooks", "GET, HEAD, OPTIONS, POST"), (f"/webhooks/{UNKNOWN_ID}", "DELETE, GET, HEAD, OPTIONS, PATCH"),
    (f"/webhooks/{UNKNOWN_ID}/test", "OPTIONS, POST"), (f"/webhooks/{UNKNOWN_ID}/deliveries", "GET, HEAD, OPTIONS"),
    (f"/deliveries/{UNKNOWN_ID}", "GET, HEAD, OPTIONS"), (f"/deliveries/{UNKNOWN_ID}/redeliver", "OPTIONS, POST")])
def test_methods(client, path, allowed):
    assert ", ".join(sorted(client.request("OPTIONS", path).expect(204).header("Allow").split(", "))) == allowed
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - set(allowed.split(", ")):
        answer = client.request(method, path).expect(405, "METHOD_NOT_ALLOWED")
        assert ", ".join(sorted(answer.header("Allow").split(", "))) == allowed
    client.request("HEAD", path).expect(405 if "HEAD" not in allowed else 200 if path == "/webhooks" else 404)


def test_pages_may_change_them_from_another_origin():
    origin = "https://app.example"
    with running_server(config=config() + f'[server]\nallowed_origins = ["{origin}"]\n') as server, server.client() as client:
        path = f"/webhooks/{register(client, URL)['webhook_id']}"
        answer = client.request("OPTIONS", path, headers={"Origin": origin, "Access-Control-Request-Method": "PATCH"}).expect(204)
        assert "PATCH" in answer.header("Access-Control-Allow-Methods").split(", ")
        answer = client.patch(path, {"description": "x"}, headers={"Origin": origin}).expect(200)
        assert answer.header("Access-Control-Allow-Origin") == origin


def test_while_the_server_stops():
    """Nothing new is begun; what there is can be changed and removed."""
    with drained_server(600) as server:
        with server.client() as client:
            ids = [register(client, URL)["webhook_id"] for _ in range(2)]
            begin_task(client)
            server.process.send_signal(signal.SIGTERM)
            wait_until(lambda: draining(client), "the drain to begin")
            for path in ("/webhooks", f"/webhooks/{ids[0]}/rotate-secret", f"/webhooks/{ids[0]}/test",
                         f"/deliveries/{UNKNOWN_ID}/redeliver"):
                client.post(path).expect(503, "NOT_READY")
            assert change(client, ids[0], disabled=True)["disabled"]
            client.delete(f"/webhooks/{ids[1]}").expect(204)
            assert [one["webhook_id"] for one in listed(client)] == [ids[0]]
            (server.folder / "go").touch()
        assert server.process.wait(60) == 0
        restarted(server)
        with server.client() as client:
            assert [(one["webhook_id"], one["disabled"]) for one in listed(client)] == [(ids[0], True)]
