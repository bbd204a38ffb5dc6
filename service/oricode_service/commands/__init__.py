"""The commands of ``oricode``, one module each; ``cli`` holds the table of them."""
