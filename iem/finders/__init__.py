"""Finders: what proposes the next region of a scene."""
