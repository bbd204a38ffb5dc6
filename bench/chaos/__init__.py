"""Several instances on one PostgreSQL, broken in every way at once; the fault suite's observer judges.

``cluster`` starts and breaks the parts, ``watching`` keeps runs going and times take-overs, ``report`` prints. What
runs must come to, who watches and who judges is :mod:`bench.faults`.
"""
