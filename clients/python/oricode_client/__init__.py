"""Oricode's Python client: start, watch, resume, answer and cancel runs of an Oricode service."""
