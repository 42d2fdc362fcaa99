import pytest

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
