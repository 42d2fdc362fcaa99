"""A system that has no thread left for the server: it says so and ends, and leaves nothing running."""

import resource
import subprocess

import pytest

from command_line import environment_for
from longhaul_server import binary
from waiting import PATIENCE, SANITIZED


def want_impossible_stacks():
    # New threads take the soft limit as the size of their stack, and no address space has room for this one.
    resource.setrlimit(resource.RLIMIT_STACK, (1 << 47, resource.getrlimit(resource.RLIMIT_STACK)[1]))


@pytest.mark.skipif(SANITIZED, reason="a sanitizer wants threads of its own")
def test_the_start_fails_and_says_why(tmp_path):
    result = subprocess.run([binary(), "serve", "--listen", "127.0.0.1:0", "--database", str(tmp_path / "longhaul.db")],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=tmp_path, env=environment_for(),
                            timeout=60 * PATIENCE, preexec_fn=want_impossible_stacks, check=False)
    assert result.returncode == 1, (result.returncode, result.stderr)
    assert "the thread '" in result.stderr and "ulimit -u" in result.stderr, result.stderr
