"""Deployments that nobody approved, tried by a model that obeys whoever talks to it (``bench.goals.injected``).

``attacks`` says what is tried and from where, ``model`` obeys, ``people`` are the users, their IDEs and whoever
interferes, ``judge`` looks at what was deployed and at the audit log. None of them shares code with the service.
"""
