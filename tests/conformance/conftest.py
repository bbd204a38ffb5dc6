"""The one fixture that makes a behaviour test run once per transport."""

from __future__ import annotations

import pytest
from clients.client_wire import CLIENT_WIRES
from conformance.house import House
from conformance.wires import WIRES, Wire

WAYS_IN = WIRES | CLIENT_WIRES


@pytest.fixture(params=list(WAYS_IN))
def wire(house: House, request: pytest.FixtureRequest) -> Wire:
    """A way into the house: the three transports by stock libraries, and our own client over both streams."""
    return WAYS_IN[request.param](house)
