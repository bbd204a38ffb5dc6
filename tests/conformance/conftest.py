"""The one fixture that makes a behaviour test run once per transport."""

from __future__ import annotations

import pytest
from conformance.house import House
from conformance.wires import WIRES, Wire


@pytest.fixture(params=list(WIRES))
def wire(house: House, request: pytest.FixtureRequest) -> Wire:
    """A transport to the house."""
    return WIRES[request.param](house)
