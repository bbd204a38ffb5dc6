"""Anthropic stand-ins that cost nothing of the measured process: a recorded burst (nginx) and a paced emitter."""
