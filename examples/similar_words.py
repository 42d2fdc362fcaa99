#!/usr/bin/env python3
"""Finds, for each word of some texts, the other word that is most like it. Compares every word with every other, so that
a few hundred kilobytes of text are minutes of work: an example of something to watch, and to cancel.

    payload   {"paths": ["/usr/share/common-licenses"]}      files, or folders of files
    result    {"words", "pairs": [[word, most_like_it, edits], ...]}      the hundred nearest pairs

By hand:  echo '{"paths": ["README.md"]}' | python3 examples/similar_words.py
"""

import pathlib
import re

from task_program import fail_for_good, log, read_payload, report_progress, succeed

WORD = re.compile(r"[^\W\d_]{4,}")
PAIRS_KEPT = 100


def files_of(paths):
    for path in map(pathlib.Path, paths):
        if path.is_dir():
            yield from sorted(file for file in path.iterdir() if file.is_file())
        else:
            yield path


def words_of(paths):
    words = set()
    for file in files_of(paths):
        words.update(word.lower() for word in WORD.findall(file.read_text(encoding="utf-8", errors="replace")))
    return sorted(words)


def edits_between(a, b):
    """How many letters to change, add or take away to turn one word into the other (Levenshtein)."""
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (letter != other))
    return row[-1]


def most_similar(words):
    pairs = []
    for number, word in enumerate(words):
        if number % 10 == 0:
            report_progress(100.0 * number / len(words), f"{number} of {len(words)} words")
        others = ((edits_between(word, other), other) for other in words if other != word)
        edits, nearest = min(others, default=(0, None))
        if nearest is not None:
            pairs.append([word, nearest, edits])
    report_progress(100, f"{len(words)} words")
    return sorted(pairs, key=lambda pair: pair[2])[:PAIRS_KEPT]


def main():
    payload = read_payload()
    paths = payload.get("paths") if isinstance(payload, dict) else None
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        fail_for_good('the payload must be like {"paths": ["README.md"]}')
    try:
        words = words_of(paths)
    except OSError as error:
        fail_for_good(f"cannot read the texts: {error}")
    log(f"comparing {len(words)} words with each other")
    succeed({"words": len(words), "pairs": most_similar(words)})


if __name__ == "__main__":
    main()
