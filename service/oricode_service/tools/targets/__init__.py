"""Where stored programs are deployed to: the port, and a target per system."""
