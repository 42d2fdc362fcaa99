"""A proxy on loopback whose connections a test can cut."""

import contextlib
import socket
import threading


class CuttingProxy:
    def __init__(self, port):
        self.target = port
        self.heads = []  # the first bytes of each connection: the head of its request
        self._pairs = []
        self._lock = threading.Lock()
        self._threads = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._run(self._accept)

    def _run(self, work, *arguments):
        thread = threading.Thread(target=work, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            with self._lock:
                self._pairs.append((client, server))
            self._run(self._pump, client, server, True)
            self._run(self._pump, server, client, False)

    def _pump(self, source, sink, is_request):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if is_request:
                    self.heads.append(data)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def cut(self):
        """Ends every connection that is open now, in both directions."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(20)


@contextlib.contextmanager
def cutting_proxy(port):
    proxy = CuttingProxy(port)
    try:
        yield proxy
    finally:
        proxy.close()
