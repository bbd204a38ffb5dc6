"""Who may ask, from where, how often and how many at once: keys, tickets, origins, limits. No web framework here."""
