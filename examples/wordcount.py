#!/usr/bin/env python3
"""Counts the words of a text.

    payload   {"path": "/usr/share/common-licenses/GPL-3"}
    result    {"path", "bytes", "lines", "words", "distinct_words", "most_frequent": [[word, times], ...]}

By hand:  echo '{"path": "README.md"}' | python3 examples/wordcount.py
"""

import collections
import os
import re

from task_program import fail_for_good, log, read_payload, report_progress, succeed

WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
LINES_BETWEEN_REPORTS = 100


def count_words(path):
    size = os.path.getsize(path)
    seen_bytes = lines = 0
    times = collections.Counter()
    with open(path, encoding="utf-8", errors="replace") as text:
        for line in text:
            lines += 1
            seen_bytes += len(line.encode("utf-8"))
            times.update(word.lower() for word in WORD.findall(line))
            if lines % LINES_BETWEEN_REPORTS == 0:
                report_progress(min(100.0, 100.0 * seen_bytes / size), f"{lines} lines")
    report_progress(100, f"{lines} lines")
    return {
        "path": path,
        "bytes": size,
        "lines": lines,
        "words": times.total(),
        "distinct_words": len(times),
        "most_frequent": times.most_common(10),
    }


def main():
    payload = read_payload()
    path = payload.get("path") if isinstance(payload, dict) else None
    if not isinstance(path, str):
        fail_for_good('the payload must be like {"path": "README.md"}')
    log(f"counting the words of {path}")
    try:
        succeed(count_words(path))
    except OSError as error:
        fail_for_good(f"cannot read the text: {error}")


if __name__ == "__main__":
    main()
