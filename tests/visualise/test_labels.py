import pytest

from iem.visualise import legible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("flower", "flower"),
        ("a\tb\r\nc", "a b c"),
        ("日本 é", "日本 é"),
        ("\udcff.png", "?.png"),
        ("\x1b[31mred", "[31mred"),
    ],
)
def test_one_writable_line(text, shown):
    assert legible(text) == shown
    shown.encode("utf-8")


@pytest.mark.parametrize("most", range(1, 12))
def test_never_longer_than_asked(most):
    short = legible("abcdefghij", most)
    assert len(short) <= most
    assert (short == "abcdefghij") == (most >= 10)
