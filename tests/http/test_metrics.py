"""GET /metrics: what it says is what happened."""

import os
import shutil
import signal

import pytest
from event_stream import EventStream
from longhaul_server import running_server
from metrics import Metrics, scrape
from raw_http import post_bytes
from waiting import wait_until
from webhook_receiver import WebhookReceiver

OTHER = "(other)"


def settled(client, condition, what):
    """The metrics once they say so: what is committed is counted a moment later than it is answered."""
    def look():
        found = scrape(client)
        return found if condition(found) else None
    return wait_until(look, what)


def test_a_fresh_server_says_all_of_it():
    with running_server(tasks={"work": "true"}) as server, server.client() as client:
        metrics = scrape(client)
        assert metrics.value("longhaul_ready") == 1
        assert metrics.labels("longhaul_tasks_accepted_total", "type") == {"echo", "sleep", "work", OTHER}
        for name, family in metrics.families.items():
            if name.startswith("longhaul_tasks") or name.startswith("longhaul_attempt"):
                assert all(sample.value == 0 for sample in family.samples), name
        assert metrics.value("longhaul_workers_capacity", kind="builtin") > 0
        assert metrics.value("longhaul_open_tasks_limit") == 1_000_000
        head = client.request("HEAD", "/metrics").expect(200)
        assert head.body == b"" and head.header("Content-Type").startswith("text/plain; version=0.0.4")


def test_tasks_are_counted_by_what_became_of_them():
    config = "[tasks.flaky]\ncommand = ['false']\nmax_attempts = 3\nretry_base_seconds = 0\n"
    with running_server(tasks={"fail": "sh -c 'exit 65'"}, config=config) as server, server.client() as client:
        for _ in range(3):
            client.run("echo")
        failed = client.run("fail")["task_id"]
        client.run("flaky")
        sleeping = client.start("sleep", {"seconds": 600}, queue="slow")["task_id"]
        client.until(sleeping, "running")
        metrics = settled(client, lambda m: m.total("longhaul_attempts_total") == 7, "seven attempts to have ended")
        assert metrics.value("longhaul_workers_busy", kind="builtin") == 1
        assert metrics.value("longhaul_workers_busy", kind="command") == 0
        assert metrics.value("longhaul_tasks", queue="slow", state="running") == 1
        client.cancel(sleeping, wait=20).expect(200)
        client.run("sleep", {"seconds": 600}, timeout_seconds=0.05, max_attempts=1)
        client.start("echo", delay_seconds=3600)
        client.post(f"/tasks/{failed}/retry").expect(202)
        client.finished(failed)

        def finished(m):
            return m.total("longhaul_tasks_finished_total") == 8
        metrics = settled(client, finished, "eight ends of tasks")
        by = metrics.value
        assert by("longhaul_tasks_accepted_total", type="echo") == 4
        assert by("longhaul_tasks_finished_total", type="echo", state="succeeded") == 3
        assert by("longhaul_tasks_finished_total", type="fail", state="failed") == 2
        assert by("longhaul_tasks_reopened_total", type="fail") == 1
        assert by("longhaul_tasks_finished_total", type="sleep", state="cancelled") == 1
        assert by("longhaul_tasks_finished_total", type="sleep", state="timed_out") == 1
        assert by("longhaul_attempts_started_total", type="flaky") == 3
        assert by("longhaul_attempts_total", type="flaky", outcome="failed") == 3
        assert by("longhaul_attempts_total", type="sleep", outcome="cancelled") == 1
        assert by("longhaul_attempts_total", type="sleep", outcome="timed_out") == 1
        assert by("longhaul_retries_total", type="flaky") == 2 and metrics.total("longhaul_retries_total") == 2
        # The first claim only, and once more for the task that was opened again.
        assert by("longhaul_task_wait_seconds_count", type="flaky") == 1
        assert by("longhaul_task_wait_seconds_count", type="fail") == 2
        assert by("longhaul_attempt_run_seconds_count", type="flaky") == 3
        assert by("longhaul_attempt_run_seconds_sum", type="sleep") >= 0.05
        assert by("longhaul_finished_tasks", state="succeeded") == 3
        assert by("longhaul_tasks", queue="default", state="scheduled") == 1
        assert metrics.total("longhaul_workers_busy") == 0
        assert by("longhaul_commit_seconds_count") > 0 and by("longhaul_commit_requests_total") >= by("longhaul_commit_seconds_count")


def test_the_age_of_what_waits():
    config = "[queues.narrow]\nconcurrency = 1\n"
    with running_server(config=config) as server, server.client() as client:
        holding = client.start("sleep", {"seconds": 600}, queue="narrow")["task_id"]
        client.until(holding, "running")
        for priority in (0, 5, -5):
            client.start("echo", queue="narrow", priority=priority)
        first = scrape(client).value("longhaul_oldest_queued_age_seconds", queue="narrow")
        later = settled(client, lambda m: m.value("longhaul_oldest_queued_age_seconds", queue="narrow") > first, "time to pass")
        assert later.value("longhaul_tasks", queue="narrow", state="queued") == 3
        assert later.value("longhaul_oldest_queued_age_seconds", queue="narrow") < 300
        client.cancel(holding, wait=20).expect(200)
        settled(client, lambda m: m.value("longhaul_oldest_queued_age_seconds", queue="narrow") == 0, "the queue to be empty")


def test_as_many_queues_as_anybody_likes_have_a_hundred_series():
    with running_server() as server, server.client() as client:
        for i in range(130):
            client.start("echo", queue=f"q{i}", delay_seconds=3600)
        client.start("echo", queue="_other", delay_seconds=3600)
        metrics = scrape(client)
        queues = metrics.labels("longhaul_tasks", "queue")
        assert len(queues) == 101 and OTHER in queues
        assert metrics.total("longhaul_tasks", state="scheduled") == 131
        assert metrics.value("longhaul_tasks", queue=OTHER, state="scheduled") == 31
        # One that has nothing left makes room for another.
        listed = client.get("/tasks", query={"queue": "q0"}).json["tasks"]
        client.cancel(listed[0]["task_id"]).expect(200)
        client.start("echo", queue="late", delay_seconds=3600)
        metrics = scrape(client)
        queues = metrics.labels("longhaul_tasks", "queue")
        assert len(queues) == 101 and "late" in queues and "q0" not in queues
        assert metrics.total("longhaul_tasks", state="scheduled") == 131


def test_counts_and_gauges_after_a_crash():
    with running_server(tasks={"hang": "sleep 600"}) as server:
        with server.client() as client:
            client.run("echo")
            running = client.start("hang", max_attempts=1)["task_id"]
            client.until(running, "running")
            client.start("echo", delay_seconds=3600, queue="later")
        server.restart(kill=True)
        with server.client() as client:
            client.finished(running)
            metrics = settled(client, lambda m: m.total("longhaul_tasks_finished_total") == 1, "the lost attempt to be counted")
            assert metrics.value("longhaul_attempts_total", type="hang", outcome="lost") == 1
            assert metrics.total("longhaul_tasks_accepted_total") == 0
            assert metrics.value("longhaul_attempt_run_seconds_count", type="hang") == 0
            assert metrics.value("longhaul_workers_busy", kind="command") == 0
            assert metrics.value("longhaul_finished_tasks", state="succeeded") == 1
            assert metrics.value("longhaul_tasks", queue="later", state="scheduled") == 1


def test_a_type_that_is_gone_from_the_configuration_is_other():
    with running_server(tasks={"old": "true"}) as server:
        with server.client() as client:
            kept = client.start("old", delay_seconds=3600)["task_id"]
        server.tasks = {}
        server.restart()
        with server.client() as client:
            assert "old" not in scrape(client).labels("longhaul_tasks_accepted_total", "type")
            client.cancel(kept).expect(200)
            metrics = settled(client, lambda m: m.total("longhaul_tasks_finished_total") == 1, "the cancel to be counted")
            assert metrics.value("longhaul_tasks_finished_total", type=OTHER, state="cancelled") == 1


def test_requests_are_counted():
    with running_server() as server, server.client() as client:
        before = scrape(client)
        client.get("/livez").expect(200)
        client.get("/nowhere").expect(404)
        client.post("/start-task", {"type": "unheard-of"}).expect(422)
        with server.raw() as raw:
            raw.send("GET /livez HTTP/1.1\r\n\r\n")  # without a Host
            assert raw.read().status == 400
        with server.raw() as raw:
            raw.send(f"BREW /livez HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n")
            raw.read(method="BREW")
        after = scrape(client)

        def more(**labels):
            return after.total("longhaul_http_requests_total", **labels) - before.total("longhaul_http_requests_total", **labels)
        assert more(method="GET", status="2xx") == 2  # and the scrape before
        assert more(method="GET", status="4xx") >= 1
        assert more(method="POST", status="4xx") == 1
        assert more(status="4xx") == 4 and more(method="other") == 1
        assert after.value("longhaul_http_requests_in_flight") == 1
        assert after.value("longhaul_http_connections") >= 1


def test_those_who_wait_are_seen():
    with running_server() as server, server.client() as client, server.raw() as raw:
        task_id = client.start("sleep", {"seconds": 600})["task_id"]
        raw.send(f"GET /task-status/{task_id}?wait=60 HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n")
        metrics = settled(client, lambda m: m.value("longhaul_waiting_clients", kind="long_poll") == 1, "the long poll to be seen")
        assert metrics.value("longhaul_http_requests_in_flight") == 2
        client.cancel(task_id, wait=20).expect(200)
        settled(client, lambda m: m.value("longhaul_waiting_clients", kind="long_poll") == 0, "the long poll to be over")


def test_streams_are_seen():
    def waiting(metrics, kind):
        return metrics.value("longhaul_waiting_clients", kind=kind)
    with running_server() as server, server.client() as client:
        task_id = client.start("sleep", {"seconds": 600})["task_id"]
        before = scrape(client).value("longhaul_events_told_total")
        with EventStream(server.port, f"/task-status/{task_id}") as events, EventStream(server.port, "/events") as followed, \
                EventStream(server.port, f"/tasks/{task_id}/logs") as logs:
            metrics = settled(client, lambda m: waiting(m, "event_stream") == 2 and waiting(m, "log_stream") == 1, "the streams to be seen")
            assert waiting(metrics, "long_poll") == waiting(metrics, "websocket") == 0
            client.cancel(task_id, wait=20).expect(200)
            assert events.rest()[-1].json["status"] == "cancelled" and logs.rest()[-1].name == "end"
            followed.until(lambda event: event.json["status"] == "cancelled")
            metrics = settled(client, lambda m: waiting(m, "event_stream") == 1 and waiting(m, "log_stream") == 0, "two of them to be over")
            assert metrics.value("longhaul_events_told_total") >= before + 4  # cancelling and cancelled, to two of them
        settled(client, lambda m: waiting(m, "event_stream") == 0, "the last to be over")


def test_what_becomes_of_starts_is_counted():
    def counts(metrics):
        return [metrics.value("longhaul_cache_answers_total", answer=answer) for answer in ("fresh", "stale", "miss")] + [
            metrics.value(f"longhaul_{name}_total") for name in ("starts_deduplicated", "start_waits_ended", "starts_hung_up")]
    with running_server() as server, server.client() as client:
        assert counts(scrape(client)) == [0, 0, 0, 0, 0, 0]
        cache = {"key": "k", "fresh_seconds": 600, "stale_seconds": 600}
        for _ in range(3):
            client.post("/start-task", {"type": "echo", "payload": 1, "cache": cache}, query={"wait": 20}).expect(200)
        assert counts(scrape(client))[:3] == [2, 0, 1]
        first = client.start("sleep", {"seconds": 600}, unique_key="u")["task_id"]
        assert client.start("sleep", {"seconds": 600}, unique_key="u")["task_id"] == first
        client.post("/start-task", {"type": "sleep", "payload": {"seconds": 600}}, query={"wait": 0.05}).expect(202)
        assert counts(scrape(client))[3:5] == [1, 1]
        with server.raw() as raw:
            raw.send(post_bytes("/start-task?wait=60", '{"type": "sleep", "payload": {"seconds": 600}, "on_timeout": "cancel"}'))
            settled(client, lambda m: m.value("longhaul_waiting_clients", kind="long_poll") == 1, "the start to wait")
        settled(client, lambda m: counts(m)[5] == 1, "the hang-up to be seen")


def test_callbacks_are_counted():
    with WebhookReceiver() as receiver:
        arguments = ["--webhooks-allow-addresses", "127.0.0.1", "--webhooks-retry-seconds", "0.05"]
        with running_server(arguments=arguments) as server, server.client() as client:
            receiver.plan("/bad", 500)
            client.start("echo", callback_url=receiver.url("/good"))
            client.start("echo", callback_url=receiver.url("/bad"))
            metrics = settled(client, lambda m: m.total("longhaul_webhook_deliveries_total") == 2, "both deliveries to be over")
            assert metrics.value("longhaul_webhook_deliveries_total", status="delivered") == 1
            assert metrics.value("longhaul_webhook_deliveries_total", status="exhausted") == 1
            assert metrics.value("longhaul_webhook_attempts_total", outcome="delivered") == 1
            assert metrics.value("longhaul_webhook_attempts_total", outcome="bad_status") == 2
            assert metrics.value("longhaul_webhook_attempt_seconds_count") == 3
            assert metrics.value("longhaul_webhook_deliveries_owed") == 0
            receiver.silent = True
            client.start("echo", callback_url=receiver.url("/never"))
            receiver.wait_for(1, "/never")
            assert scrape(client).value("longhaul_webhook_deliveries_owed") == 1
            client.close()
            server.restart(kill=True)
            with server.client() as again:
                assert scrape(again).value("longhaul_webhook_deliveries_owed") == 1
            receiver.silent = False
            with server.client() as again:
                settled(again, lambda m: m.value("longhaul_webhook_deliveries_owed") == 0, "it to be delivered after all")


def test_removed_tasks_are_counted():
    with running_server(arguments=["--retention-succeeded-seconds", "0.2"]) as server, server.client() as client:
        for _ in range(5):
            client.run("echo")
        metrics = settled(client, lambda m: m.value("longhaul_retention_removed_total", state="succeeded") == 5, "all to be removed")
        assert metrics.value("longhaul_finished_tasks", state="succeeded") == 0


def test_what_the_kernel_says():
    with running_server() as server, server.client() as client:
        metrics = scrape(client)
        assert abs(metrics.value("process_open_fds") - server.descriptors()) <= 3
        assert abs(metrics.value("process_resident_memory_bytes") - server.resident_bytes()) < 16 * 1024 * 1024
        assert metrics.value("process_threads") == server.threads()
        assert metrics.value("process_max_fds") >= metrics.value("process_open_fds")
        assert metrics.value("process_virtual_memory_bytes") > metrics.value("process_resident_memory_bytes")
        began = os.stat(f"/proc/{server.pid}").st_ctime
        assert abs(metrics.value("process_start_time_seconds") - began) < 5
        database = server.folder / "longhaul.db"
        assert metrics.value("longhaul_database_bytes") == database.stat().st_size
        assert metrics.value("longhaul_wal_bytes") == (server.folder / "longhaul.db-wal").stat().st_size
        free = shutil.disk_usage(server.folder).free
        assert metrics.value("longhaul_disk_free_bytes") == pytest.approx(free, rel=0.1)


def test_a_key_is_needed():
    with running_server(key="0123456789abcdef0123456789abcdef") as server:
        with server.client() as client:
            scrape(client)
        with server.client(key=None) as stranger:
            stranger.get("/metrics").expect(401, "UNAUTHORIZED")


def test_it_answers_while_the_server_stops():
    config = "[tasks.stubborn]\ncommand = ['sh', '-c', 'trap \"\" TERM; while :; do sleep 0.1; done']\ngrace_seconds = 3\n"
    with running_server(config=config, arguments=["--drain-seconds", "2"]) as server, server.client() as client:
        task_id = client.start("stubborn")["task_id"]
        client.until(task_id, "running")
        server.process.send_signal(signal.SIGTERM)
        client.close()
        metrics = settled(client, lambda m: m.value("longhaul_ready") == 0, "the server to stop")
        assert isinstance(metrics, Metrics)
        assert server.process.wait(60) == 0
        server._forget()  # it has ended by itself
