"""The event log: one append-only log per run, one group commit for all, readers with a cursor.

``writer`` appends, ``commit`` makes what was appended durable and visible, ``run_log`` is what is visible of one run,
``hub`` finds the log of a run, ``reader`` reads it from a cursor,
``pulse`` times heartbeats, ``coalesce`` joins deltas.
"""
