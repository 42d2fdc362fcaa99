"""Fixtures of tests of registered webhooks: a receiver, and clients of servers that have none registered at first."""

import pytest

from longhaul_server import running_server
from test_webhook_delivery import config
from webhook_calls import remove_all
from webhook_receiver import WebhookReceiver


@pytest.fixture(scope="module")
def server():
    """Whatever fails is tried twice more, soon. A module may have a server of its own."""
    with running_server(config=config("[0.05, 0.05]")) as running:
        yield running


@pytest.fixture
def client(server):
    with server.client() as connected:
        remove_all(connected)
        yield connected


@pytest.fixture(scope="module")
def patient_server():
    """Whatever fails is tried again in ten minutes."""
    with running_server(config=config("[600]")) as running:
        yield running


@pytest.fixture
def patient(patient_server):
    with patient_server.client() as connected:
        remove_all(connected)
        yield connected


@pytest.fixture
def receiver():
    with WebhookReceiver() as listening:
        yield listening
