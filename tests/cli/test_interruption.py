"""Signals in this process."""

import os
import signal
import threading

import pytest

from iem.cli.interruption import Interrupted, interruptible

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def interrupted_by(number):
    with interruptible():
        signal.raise_signal(number)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_is_raised_with_its_exit_code_and_handlers_come_back(number, code):
    before = signal.getsignal(number)
    with pytest.raises(Interrupted) as caught:
        interrupted_by(number)
    assert caught.value.exit_code == code
    assert signal.getsignal(number) is before


def test_handlers_come_back_after_quiet_work():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with interruptible():
        assert signal.getsignal(signal.SIGTERM) is not before[1]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_it_is_no_failure_of_a_picture():
    assert not issubclass(Interrupted, Exception)


def test_ignored_signals_stay_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible():
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_work_without():
    seen = []

    def work():
        with interruptible():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]
