"""The benchmark: the service beside what a user would pick instead, on the same load in the same run.

How it keeps itself honest:

* each peer is one process pinned to one core; the load generator and the upstream run on the other
* before a peer is timed, a viewer's text is compared with what the upstream said; in each round every stream must have
  all events, each once and in order
* rounds of all peers are interleaved; a round in which other processes used more than a tenth of the machine is
  repeated, a bounded number of times, and the table says how many were disturbed
* the figure is the peer's own CPU time divided by forwarded events, its durable log included; wall figures stand beside
* the load generator's own share of its core is shown, so that it is seen not to be the bottleneck
* what counts is the ratio to Express with ``messages.stream`` in the same run, never a bare time; ranges are shown
"""
