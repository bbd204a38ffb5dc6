"""The wire: three transports over one engine and one log.

``requests`` parses and authorises once for all, ``attach`` answers a cursor, ``sse``, ``websocket`` and ``json`` frame
what a reader takes, ``api`` is everything that is no stream, ``problems`` turns errors into answers, ``front`` stands
before all of it (origins, hosts, CORS), ``server`` runs uvicorn.
"""
