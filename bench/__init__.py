"""The benchmark: the service beside what a user would pick instead, on the same load in the same run.

How it keeps itself honest: each peer is one process pinned to one core; the load generator and the upstream run on the
other; rounds of all peers are interleaved; every answer is verified by the number of deltas before its time counts; the
figure is the peer's own CPU time divided by forwarded events, which holds on a noisy machine, where wall figures do
not. Reports are ratios to Express with ``messages.stream``, never bare times. ``python -m bench --help``.
"""
