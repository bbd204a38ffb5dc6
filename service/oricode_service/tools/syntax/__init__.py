"""Syntax checking: one tool, two child processes that do the work, one set of findings.

``tool`` is what the model calls, ``checker`` picks the way a language is checked, ``worker`` keeps the child processes.
"""
