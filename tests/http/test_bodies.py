"""What a body must be, and that its digits are kept."""

import pytest

DIGITS = ('{"tenth":0.1000000000000000055511151231257827,"big":123456789012345678901234567890,"huge":1e400,'
          '"zero":-0.0,"small":1E-999,"plain":1.50}')


@pytest.mark.parametrize("body", [
    "", " ", "{", '{"type":"echo"', '{"type":"echo"} {}', "{'type':'echo'}", '{"type":"echo",}', '{"type":echo}', "nul",
    '{"type":"echo","payload":01}', '{"type":"echo","payload":NaN}', '{"type":"echo","payload":"\t"}',
    '{"type":"echo","payload":"\\x"}', '{"type":"echo","payload":"\\ud800"}', '\ufeff{"type":"echo"}',
    '{"type":"echo"} // comment',
])
def test_not_json(client, body):
    client.post("/start-task", body=body).expect(400, "MALFORMED_JSON")


def test_not_utf8(client):
    for broken in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe4\xb8"):
        client.post("/start-task", body=b'{"type":"echo","payload":"' + broken + b'"}').expect(400, "MALFORMED_JSON")


def test_a_member_twice(client):
    for body in ('{"type":"echo","type":"echo"}', '{"type":"echo","payload":{"a":1,"\\u0061":2}}',
                 '{"type":"echo","payload":[{"x":{"y":0,"y":0}}]}'):
        assert "twice" in client.post("/start-task", body=body).expect(400, "MALFORMED_JSON").json["detail"]


def test_depth(client):
    def nested(depth):  # the body itself is the first level
        return '{"type":"echo","payload":' + "[" * (depth - 1) + "]" * (depth - 1) + "}"
    client.post("/start-task", body=nested(64)).expect(202)
    client.post("/start-task", body=nested(65)).expect(400, "MALFORMED_JSON")
    client.post("/start-task", body=nested(100_000)).expect(400, "MALFORMED_JSON")


def test_digits_are_kept(client):
    answer = client.post("/start-task", body='{"type": "echo", "payload": ' + DIGITS + "}").expect(202)
    task_id = answer.json["task_id"]
    client.finished(task_id)
    detail = client.get(f"/tasks/{task_id}").expect(200)
    assert f'"payload":{DIGITS}' in detail.text and f'"result":{DIGITS}' in detail.text
    assert f'"result":{DIGITS}' in client.get(f"/task-status/{task_id}").text


def test_text_is_kept(client):
    text = "ä € 𝄞 \u0000 \u001f \u2028 \" \\ / \ud7ff \uffff"
    task = client.run("echo", {"text": text, text: ""})
    assert task["result"] == {"text": text, text: ""}


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx",
                                          "application/json; charset=iso-8859-1", "multipart/form-data; boundary=x"])
def test_only_application_json(client, content_type):
    refused = client.post("/start-task", body='{"type":"echo"}', headers={"Content-Type": content_type})
    assert "curl --json" in refused.expect(415, "UNSUPPORTED_MEDIA_TYPE").json["detail"]


@pytest.mark.parametrize("content_type", ["application/json;charset=utf-8", "Application/JSON; charset=\"UTF-8\"",
                                          "application/json; foo=bar"])
def test_parameters_of_the_content_type(client, content_type):
    client.post("/start-task", body='{"type":"echo"}', headers={"Content-Type": content_type}).expect(202)


def test_bodies_of_other_requests_are_judged_too(client):
    task_id = client.run("echo")["task_id"]
    client.post(f"/tasks/{task_id}/retry", body="x", headers={"Content-Type": "text/plain"}).expect(415)
    client.post(f"/tasks/{task_id}/retry", body="x").expect(400, "MALFORMED_JSON")
    assert client.post(f"/tasks/{task_id}/retry", {"x": 1}).expect(422).pointers == ["#/x"]
    client.post("/nowhere", body="x", headers={"Content-Type": "text/plain"}).expect(404, "NOT_FOUND")
