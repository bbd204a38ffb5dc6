"""The fault suite: real processes and sockets, random faults, an observer that shares no code with the service.

``plan`` says what each run must come to, ``provider`` and ``counter`` are the outside processes that know the truth,
``service`` and ``fronts`` start and break the processes under test, ``proxy`` breaks connections, ``viewers`` watch,
``observer`` judges, ``drivers`` makes faults and runs, ``table`` prints, ``sabotage`` takes safeguards away so that the
observer can be shown to notice. ``docs/reliability.md`` explains how to run it and holds results.
"""
