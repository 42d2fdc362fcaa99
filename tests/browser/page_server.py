"""A small web server of another origin than longhaul's: gives out the page, and takes what it reports."""

import http.server
import json
import pathlib
import queue
import threading
import urllib.parse

from waiting import PATIENCE

PAGE = pathlib.Path(__file__).resolve().parent / "page.html"


class PageServer:
    def __init__(self):
        self.reports = queue.Queue()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                is_page = self.path.startswith("/page.html?")
                body = PAGE.read_bytes() if is_page else b""
                self.send_response(200 if is_page else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(204)
                self.end_headers()
                owner.reports.put(json.loads(body))

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    @property
    def origin(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def page(self, **query):
        return f"{self.origin}/page.html?" + urllib.parse.urlencode(query)

    def report(self, seconds=60):
        """The next one, waited for."""
        return self.reports.get(timeout=seconds * PATIENCE)
