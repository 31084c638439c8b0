"""What W&B has really written: the rows in a run's own ``.wandb`` file."""

from pathlib import Path

_HEADER = 7  # bytes of the file's, and of each fragment's
_BLOCK = 32768
_WHOLE, _FIRST, _LAST = 1, 2, 4  # kinds of fragments; 3 is a middle one
_HISTORY = 2  # the number of a record's field that holds a row


def written_rows(path: Path) -> int:
    """How many rows a ``.wandb`` file holds; a record that was cut off does not count.

    The file is a log of LevelDB's kind (blocks of 32 KiB with fragments: checksum, length, kind, bytes), each record a
    message of protocol buffers. A full disk makes W&B drop records without a word, so they are counted.

    Args:
        path: of the file; one that is not there holds none.

    >>> written_rows(Path("missing.wandb"))
    0
    """
    try:
        data = path.read_bytes()
    except OSError:
        return 0
    rows, place, record = 0, _HEADER, b""
    while place + _HEADER <= len(data):
        left = _BLOCK - place % _BLOCK
        if left < _HEADER:
            place += left
            continue
        length, kind = int.from_bytes(data[place + 4 : place + 6], "little"), data[place + 6]
        fragment = data[place + _HEADER : place + _HEADER + length]
        if len(fragment) < length or kind == 0:
            break
        record = fragment if kind in (_WHOLE, _FIRST) else record + fragment
        if kind in (_WHOLE, _LAST):
            rows += _HISTORY in _fields(record)
        place += _HEADER + length
    return rows


def _fields(record: bytes) -> set[int]:
    """The numbers of a message's fields."""
    numbers, place = set(), 0
    while place < len(record):
        tag, place = _whole_number(record, place)
        numbers.add(tag >> 3)
        if tag & 7 == 0:
            _, place = _whole_number(record, place)
        elif tag & 7 == 2:
            length, place = _whole_number(record, place)
            place += length
        else:
            place += 8 if tag & 7 == 1 else 4
    return numbers


def _whole_number(record: bytes, place: int) -> tuple[int, int]:
    """Seven bits a byte, the lowest first, and the place after it."""
    value, shift = 0, 0
    while place < len(record):
        byte = record[place]
        value, shift, place = value | (byte & 127) << shift, shift + 7, place + 1
        if byte < 128:
            break
    return value, place
