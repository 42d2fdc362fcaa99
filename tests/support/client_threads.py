"""Clients in threads, for the length of a block."""

import threading

from waiting import PATIENCE


class ClientThreads:
    """While the block lasts, `run_client(number)` of the derived class runs in each thread; it is to return soon after
    `stopping` is set, which the end of the block does."""

    def __init__(self, threads=4):
        self.stopping = threading.Event()
        self._threads = [threading.Thread(target=self.run_client, args=(number,)) for number in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self._threads:
            thread.join(60 * PATIENCE)
            assert not thread.is_alive(), "a client does not end"
