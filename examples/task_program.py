"""What a program needs to be a longhaul task, in Python: the payload in, progress and log out, a result at the end.

The whole contract is in docs/running-commands.md. Copy this file beside a program of your own, or copy the lines you need.
"""

import json
import os
import sys

EXIT_FAILED_FOR_GOOD = 65  # trying again cannot help
EXIT_TRY_AGAIN_LATER = 75

_progress = None
if "LONGHAUL_PROGRESS_FD" in os.environ:  # not there when the program is started by hand
    _progress = os.fdopen(int(os.environ["LONGHAUL_PROGRESS_FD"]), "w", buffering=1, encoding="utf-8")


def read_payload():
    """The JSON that the task was started with."""
    return json.load(sys.stdin)


def report_progress(percent, message):
    if _progress:
        print(json.dumps({"percent": round(percent, 1), "message": message}), file=_progress)


def log(text):
    """A line in the task's log."""
    print(text, file=sys.stderr, flush=True)


def succeed(result):
    json.dump(result, sys.stdout)
    sys.exit(0)


def fail_for_good(reason):
    log(reason)
    sys.exit(EXIT_FAILED_FOR_GOOD)
