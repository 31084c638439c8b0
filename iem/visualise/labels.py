"""Names of files made fit to be drawn or printed."""


def legible(text: str, most: int | None = None) -> str:
    r"""``text`` on one line, without unwritable characters, shortened in the middle to ``most`` characters.

    File names may hold line feeds and undecodable bytes; both would break a picture or a page that shows them.

    >>> legible("a long\nname of a photograph.png", most=15)
    'a long…aph.png'
    """
    writable = text.encode("utf-8", "replace").decode("utf-8")
    line = " ".join("".join(c if c.isprintable() else " " for c in writable).split())
    if most is None or len(line) <= most:
        return line
    head = (most - 1) // 2
    return f"{line[:head].rstrip()}…{line[len(line) - (most - 1 - head) :].lstrip()}"
