"""The load generator: opens streams, counts and times what arrives, in a process of its own on the other core.

It only searches bytes for marks, so that it is never the bottleneck; its own CPU time is part of its answer.
"""
