"""A stand-in for an SAP system's ADT REST service, on a real socket, with faults on demand.

``async with FakeAdt() as sap`` gives ``sap.url`` and ``sap.system``. What it knows of ADT was read from
what another client, abap-adt-py, sends and expects; the tests run that client against it, so that it is not only our
own idea of SAP.
"""

from fake_adt.faults import Fault
from fake_adt.server import FakeAdt, Seen
from fake_adt.system import System

__all__ = ["FakeAdt", "Fault", "Seen", "System"]
