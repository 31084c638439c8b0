"""Sweeps: which jobs they have, how far each is, what they found; and shards of one run joined into one result."""
