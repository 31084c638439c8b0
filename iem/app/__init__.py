"""``iem app``: a page on one's own machine: drop a photo, mark what should vanish, remove it, take the result.

``server.serve`` runs it, ``server.make_app`` is the application alone. Both need the extra ``app``.
"""
