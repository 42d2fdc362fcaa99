import pytest

from gated_task import Gate
from longhaul_server import running_server


@pytest.fixture(scope="module")
def server():
    """One server for the tests of a file: built-in types only, empty configuration."""
    with running_server() as running:
        yield running


@pytest.fixture
def client(server):
    with server.client() as connected:
        yield connected


@pytest.fixture
def gate(tmp_path):
    """For tests whose server runs gated_task.CONFIG; opened in the end, so that no task waits for ever."""
    gate = Gate(tmp_path)
    yield gate
    if not gate.path.exists():
        gate.open("null")
