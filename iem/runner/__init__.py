"""Runs over many pictures: what they write, how they resume, how they are shown."""
