"""A client of the API for tests. Every answer is held against the server's own /openapi.json."""

import dataclasses
import http.client
import json
import time
import urllib.parse

from openapi_check import strict_json
from waiting import PATIENCE, deadline_in, wait_until

FINAL = ("succeeded", "failed", "cancelled", "timed_out")
NO_BODY = object()


@dataclasses.dataclass
class Answer:
    status: int
    pairs: list
    body: bytes

    def header(self, name):
        values = [value for key, value in self.pairs if key.lower() == name.lower()]
        return ", ".join(values) if values else None

    @property
    def text(self):
        return self.body.decode("utf-8")

    @property
    def json(self):
        return strict_json(self.text)

    @property
    def code(self):
        return self.json["code"]

    @property
    def pointers(self):
        return [fault["pointer"] for fault in self.json.get("errors", [])]

    def expect(self, status, code=None):
        assert self.status == status, f"{self.status} instead of {status}: {self.text[:2000]}"
        if code is not None:
            assert self.code == code, self.text
        return self


class ApiClient:
    """One kept connection; one thread."""

    def __init__(self, address, port, check, key=None, host=None):
        self.address, self.port, self.check, self.key, self.host = address, port, check, key, host
        self.connection = None

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- plain requests

    def request(self, method, path, value=NO_BODY, *, body=None, headers=None, query=None, timeout=60):
        """`value` is sent as JSON; `body` as it is, as application/json unless the headers say otherwise."""
        if query:
            path += "?" + urllib.parse.urlencode(query)
        sent = {"Host": self.host or f"{self.address}:{self.port}"}
        if self.key is not None:
            sent["Authorization"] = f"Bearer {self.key}"
        if value is not NO_BODY:
            body = json.dumps(value)
        if isinstance(body, str):
            body = body.encode("utf-8")
        if body is not None:
            sent["Content-Type"] = "application/json"
            sent["Content-Length"] = str(len(body))
        for name, value_ in (headers or {}).items():
            if value_ is None:
                sent.pop(name, None)
            else:
                sent[name] = value_
        answer = self._exchange(method, path, body, sent, timeout * PATIENCE)
        self.check.check(method, path, answer.status, answer.pairs, answer.body)
        return answer

    def _exchange(self, method, path, body, headers, timeout):
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.address, self.port, timeout=timeout)
        connection = self.connection
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        connection.timeout = timeout
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            answer = Answer(response.status, response.getheaders(), response.read())
        except BaseException:
            self.close()
            raise
        if response.will_close:
            self.close()
        return answer

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, value=NO_BODY, **options):
        return self.request("POST", path, value, **options)

    def patch(self, path, value=NO_BODY, **options):
        return self.request("PATCH", path, value, **options)

    def delete(self, path, **options):
        return self.request("DELETE", path, **options)

    # ---- tasks

    def start(self, type_, payload=None, *, headers=None, **fields):
        """Starts a task that must be accepted; returns its status."""
        answer = self.post("/start-task", {"type": type_, "payload": payload, **fields}, headers=headers).expect(202)
        return answer.json

    def status(self, task_id):
        return self.get(f"/task-status/{task_id}").expect(200).json

    def detail(self, task_id):
        return self.get(f"/tasks/{task_id}").expect(200).json

    def finished(self, task_id, seconds=30):
        """The final status, waited for by long polls."""
        end = deadline_in(seconds)
        while True:
            left = max(0.1, min(10.0, end - time.monotonic()))
            status = self.get(f"/task-status/{task_id}", query={"wait": f"{left:.3f}"}).expect(200).json
            if status["status"] in FINAL:
                return status
            assert time.monotonic() < end, f"not final after {seconds * PATIENCE} s: {status}"

    def run(self, type_, payload=None, *, seconds=30, **fields):
        """Starts a task and returns its final status."""
        return self.finished(self.start(type_, payload, **fields)["task_id"], seconds)

    def until(self, task_id, *states, seconds=20):
        """The status once it is one of `states`."""
        def reached():
            status = self.status(task_id)
            return status if status["status"] in states else None
        return wait_until(reached, f"{task_id} to become {' or '.join(states)}", seconds)

    def cancel(self, task_id, **query):
        return self.delete(f"/tasks/{task_id}", query=query)

    def log_texts(self, task_id):
        texts, after = [], 0
        while True:
            lines = self.get(f"/tasks/{task_id}/logs", query={"after": after}).expect(200).json["lines"]
            if not lines:
                return texts
            texts += [line["text"] for line in lines]
            after = lines[-1]["n"]
