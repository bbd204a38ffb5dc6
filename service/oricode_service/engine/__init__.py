"""The engine: runs that live on the server, independent of any connection.

``runs`` is the registry transports talk to, ``run`` one run, ``loop`` its life from start to terminal event, ``turn``
one model call with its attempts, ``calls`` the tools of a turn, ``questions`` what viewers must answer, ``request``
what was asked, ``history`` what the model sees. The engine knows ports only: no database, provider or web framework.
"""
