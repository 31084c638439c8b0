"""Sessions: bounded in number, on the disk and in time; undoing; jobs one after the other."""

import threading
import time

import pytest

from iem.app.jobs import Job, Jobs
from iem.app.limits import Limits
from iem.app.refusals import Refused
from iem.app.session import Photo
from iem.app.sessions import Sessions, new_id
from iem.app.states import Kept, Outcome, State


@pytest.fixture
def make():
    opened = []

    def _make(**limits):
        opened.append(Sessions(Limits(**limits)))
        return opened[-1]

    yield _make
    for each in opened:
        each.close_all()
        assert not each.folder.exists()


def add(sessions, size=10):
    with sessions.new_folder() as folder:
        (folder / "original").write_bytes(bytes(size))
        photo = Photo("a.png", 4, 3, (), folder / "original", folder / "photo.png", "PNG")
        return sessions.add(folder, photo)


def kept(number):
    return lambda state: State(objects=(*state.objects, Kept(number, bytes(100), 0.1, "x")), result=state.result)


def job_of(work, kind="propose"):
    return Job(new_id(), kind, work, 3)


def wait(job, seconds=5):
    deadline = time.monotonic() + seconds
    while job.is_active and time.monotonic() < deadline:
        time.sleep(0.002)
    return job


def test_the_oldest_idle_one_makes_room(make):
    sessions = make(sessions=3, safe_seconds=0)
    first, second, third = (add(sessions) for _ in range(3))
    sessions.get(first.id)
    fourth = add(sessions)
    assert [not each.folder.exists() for each in (first, second, third, fourth)] == [False, True, False, False]
    with pytest.raises(Refused, match="it was closed") as refused:
        sessions.get(second.id)
    assert refused.value.status_code == 404


def test_one_that_is_in_use_never_makes_room(make):
    sessions = make(sessions=2, safe_seconds=60)
    both = [add(sessions) for _ in range(2)]
    with pytest.raises(Refused, match="2 photos are open and in use") as refused:
        add(sessions)
    assert refused.value.status_code == 429
    assert all(each.folder.exists() for each in both)
    assert len(list(sessions.folder.iterdir())) == 2


def test_the_disk_is_bounded(make):
    sessions = make(stored_bytes=2500, safe_seconds=0)
    for _ in range(5):
        add(sessions, 1000)
    assert len(sessions) == 2


def test_what_is_not_used_is_closed_after_a_while(make):
    sessions = make(session_seconds=0.05)
    idle = add(sessions)
    time.sleep(0.06)
    used = add(sessions)
    sessions.close_idle()
    assert not idle.folder.exists()
    assert used.folder.exists()
    with pytest.raises(Refused, match="closed"):
        idle.change(kept(1))


def test_ids_are_random_and_long(make):
    sessions = make()
    ids = {add(sessions).id for _ in range(20)}
    assert len(ids) == 20
    assert all(len(each) == 32 and int(each, 16) >= 0 for each in ids)


def test_undo_and_redo_walk_through_what_was(make):
    session = add(make())
    states = [session.state]
    for number in (1, 2, 3):
        session.change(kept(number))
        states.append(session.state)
    assert session.revision == 3
    session.undo()
    session.undo()
    assert session.state is states[1]
    session.redo()
    assert session.state is states[2]
    session.change(kept(9))
    assert not session.can_redo
    with pytest.raises(Refused, match="nothing to redo"):
        session.redo()
    for _ in range(3):
        session.undo()
    assert session.state is states[0]
    with pytest.raises(Refused, match="nothing to undo"):
        session.undo()


def test_the_past_is_bounded_and_forgotten_results_are_removed(make):
    session = add(make(history=4))
    for number in range(8):
        file = session.new_file()
        file.write_bytes(b"png")
        session.change(lambda state, file=file: State(result=Outcome(file, "harmonic", 1, 1, 0.1, ())))
        session.change(kept(number))
    results = [each.result.file for each in session._states if each.result]
    assert len(session._states) == 4
    assert set(session.folder.glob("result-*")) == set(results)
    heavy = add(make(history_bytes=250))
    for number in range(8):
        heavy.change(lambda state, number=number: State(objects=(Kept(number, bytes(100 + number), 0.1, "x"),)))
    assert len(heavy._states) == 2
    assert heavy.state.objects[0].id == 7


def test_a_change_that_changes_nothing_is_none(make):
    session = add(make())
    session.change(kept(1))
    session.change(lambda state: state)
    assert session.revision == 1


@pytest.fixture
def jobs():
    made = Jobs(waiting=2)
    yield made
    made.stop()


def test_jobs_wait_for_their_turn_and_not_too_many(jobs):
    release, order = threading.Event(), []
    first = job_of(lambda job: (release.wait(5), order.append(1)))
    others = [job_of(lambda job, n=n: order.append(n)) for n in (2, 3)]
    for each in (first, *others):
        jobs.add(each)
    with pytest.raises(Refused, match="3 jobs wait or run") as refused:
        jobs.add(job_of(lambda job: None))
    assert refused.value.status_code == 429
    release.set()
    assert [wait(each).state for each in (first, *others)] == ["done"] * 3
    assert order == [1, 2, 3]
    jobs.add(job_of(lambda job: None))


def test_cancelling_ends_a_job_within_one_step(jobs):
    steps, go_on = [], threading.Event()

    def work(job):
        for step in range(1000):
            job.tell(step, 1000)
            steps.append(step)
            go_on.wait(5)

    running, waiting = job_of(work), job_of(lambda job: steps.append("never"))
    jobs.add(running)
    jobs.add(waiting)
    while not steps:
        time.sleep(0.001)
    waiting.cancel()
    assert waiting.state == "cancelled"  # at once, though another is at work
    running.cancel()
    go_on.set()
    assert wait(running).state == "cancelled"
    assert steps == [0]


def test_a_job_that_fails_says_why_and_the_next_is_done(jobs, capsys):
    def fail(error):
        def work(job):
            raise error

        return work

    errors = [
        (ValueError("size: expected 8,\ngot 7; change it"), "size: expected 8, got 7; change it"),
        (Refused(422, "the hole is the photo"), "the hole is the photo"),
        (MemoryError(), "not enough memory"),
        (RuntimeError("a broken network"), "unexpectedly (a broken network)"),
    ]
    for error, words in errors:
        job = job_of(fail(error))
        jobs.add(job)
        assert wait(job).state == "failed"
        assert words in job.message
    assert "a broken network" in capsys.readouterr().err
    good = job_of(lambda job: None)
    jobs.add(good)
    assert wait(good).state == "done"


def test_a_full_film_ends_with_the_newest_picture(jobs):
    import torch

    def work(job):
        for step in range(5):
            job.tell(step, 5, mask=torch.full((1, 1, 2, 2), step / 5))

    job = job_of(work)
    jobs.add(job)
    assert wait(job).frames == 3
    last, beyond = job.frame(2), job.frame(3)
    assert beyond is None
    from iem.app.pngs import read_png_mask

    assert float(read_png_mask(last)[0, 0, 0, 0]) == pytest.approx(0.8)
    assert job.frame(-1) is None


def test_one_session_does_one_thing_at_a_time_and_ends_it_when_closed(make, jobs):
    sessions = make()
    session, other = add(sessions), add(sessions)
    begun = threading.Event()

    def work(job):
        begun.set()
        while True:
            job.tell(0, 0)
            time.sleep(0.001)

    job = job_of(work)
    session.add_job(job, jobs.add)
    begun.wait(5)
    with pytest.raises(Refused, match="at work already") as refused:
        session.add_job(job_of(work), jobs.add)
    assert refused.value.status_code == 409
    with pytest.raises(Refused, match="no such job"):
        other.find_job(job.id)
    sessions.close(session.id)
    assert wait(job).state == "cancelled"
    with pytest.raises(Refused, match="closed"):
        session.add_job(job_of(work), jobs.add)


def test_stopping_cancels_all(jobs):
    job = job_of(lambda job: [job.tell(0, 0) or time.sleep(0.001) for _ in range(100_000)])
    jobs.add(job)
    jobs.stop()
    assert job.state == "cancelled"
    with pytest.raises(Refused, match="ending"):
        jobs.add(job_of(lambda job: None))
