#!/usr/bin/env python3
"""similar_words.py that does not listen: it ignores SIGTERM, as programs with a fault in their clean-up do. An example
for what longhaul does then: SIGKILL once the grace period is over, and nothing of it is left.

    payload, result   as for similar_words.py
"""

import signal

import similar_words
from task_program import log


def main():
    signal.signal(signal.SIGTERM, lambda number, frame: log("got SIGTERM, going on"))
    similar_words.main()


if __name__ == "__main__":
    main()
