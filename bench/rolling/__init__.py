"""Restarts under load that nobody may notice: ``make rolling``; docs/operating.md says what would count as noticed.

``python -m bench.rolling --minutes 10`` keeps 200 people connected and restarts the service every minute: on one
machine by SIGUSR2, or with ``--instances 2`` by SIGTERM to one of several behind nginx, in turn.
"""
