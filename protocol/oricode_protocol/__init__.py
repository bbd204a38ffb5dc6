"""Oricode's streaming protocol: the contract between the service and every client.

No I/O, no asyncio, no framework. Read PROTOCOL.md first, then ``events``, ``ids``, ``lifecycle``, ``errors``,
``commands``; ``codec``, ``sse`` and ``frames`` are the bytes, ``fold`` is the meaning.
"""
