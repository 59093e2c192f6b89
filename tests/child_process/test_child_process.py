"""A child process: nothing that a request does reaches further than its own answer."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from backchannel.child_process import ChildDied, ChildHung, ChildProcess
from backchannel.child_process import inside as inside_module

INSIDE = Path(inside_module.__file__)

WORK = """
import os, signal, socket, sys

def prepare():
    pass

def open_file(): open("/etc/hostname")
def make_file(): open("/tmp/made", "w")
def open_socket(): socket.socket()
def take_memory(): bytearray(1 << 30)

def answer(request):
    word = request.decode()
    if word == "hang": signal.pause()
    if word == "spin":
        while True: pass
    if word == "crash": os.kill(os.getpid(), signal.SIGSEGV)
    if word == "raise": raise ValueError
    if word == "boast": os.write(1, b"\\xff\\xff\\xff\\xff")
    if word == "long": return bytes(9 << 20)
    if word == "pid": return str(os.getpid()).encode()
    if word == "parts": return b"parts"
    if word in globals():
        try: globals()[word]()
        except OSError as error: return error.strerror.encode()
        except MemoryError: return b"no memory"
    return request
"""
"""Does as it is told, and repeats what it does not understand."""

Making = Callable[..., ChildProcess]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Making]:
    """Children that do `WORK`, or other work."""
    made: list[ChildProcess] = []

    def making(text: str = WORK, **options: float) -> ChildProcess:
        work = tmp_path / f"work{len(made)}.py"
        work.write_text(text)
        most = {"memory": 512 << 20, "cpu_s": 60, "deadline_s": 120.0, **options}
        made.append(ChildProcess(work, **most))  # type: ignore[arg-type]
        return made[-1]

    yield making
    for child in made:
        await child.close()


def is_running(pid: int) -> bool:
    """Whether there is such a process; one that ended and was not waited for counts."""
    return Path(f"/proc/{pid}").exists()


async def test_one_process_answers_many_requests(make: Making) -> None:
    child = make()
    assert [await child.ask(word) for word in (b"one", b"", bytes(1 << 20))] == [b"one", b"", bytes(1 << 20)]
    assert child.started == 1


async def test_a_request_may_come_in_parts(make: Making) -> None:
    assert await make().ask(b"par", b"", b"ts") == b"parts"


async def test_who_asks_at_the_same_time_gets_his_own_answer(make: Making) -> None:
    child = make()
    words = [str(n).encode() for n in range(20)]
    assert await asyncio.gather(*map(child.ask, words)) == words
    assert child.started == 1


@pytest.mark.parametrize(
    ("word", "raised"),
    [
        (b"hang", ChildHung),
        (b"crash", ChildDied),
        (b"raise", ChildDied),
        (b"boast", ChildDied),
        (b"long", ChildDied),
    ],
)
async def test_a_child_that_fails_is_killed_and_replaced(
    make: Making, word: bytes, raised: type[Exception]
) -> None:
    child = make(deadline_s=3.0)
    first = int(await child.ask(b"pid"))
    with pytest.raises(raised):
        await child.ask(word)
    assert (child.pid, is_running(first)) == (0, False), "not even a zombie is left"
    assert await child.ask(b"next") == b"next"
    assert child.started == 2


async def test_a_child_that_goes_round_for_ever_is_ended_by_the_kernel(make: Making) -> None:
    child = make(cpu_s=1)
    with pytest.raises(ChildDied):
        await child.ask(b"spin")


async def test_processor_time_is_granted_for_each_request_anew(make: Making) -> None:
    busy = "import time\ndef prepare(): pass\ndef answer(_):\n  end = time.process_time() + 1.2\n"
    child = make(f"{busy}  while time.process_time() < end: pass\n  return b''", cpu_s=2)
    for _ in range(4):
        assert await child.ask(b"") == b""
    assert child.started == 1


async def test_a_child_that_was_killed_between_two_requests_costs_none(make: Making) -> None:
    child = make()
    pid = int(await child.ask(b"pid"))
    os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(os.waitid, os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert child.pid == 0
    assert await child.ask(b"next") == b"next"


async def test_an_answer_nobody_waits_for_any_more_does_not_answer_the_next(make: Making) -> None:
    child = make()
    pid = int(await child.ask(b"pid"))
    waiting = asyncio.create_task(child.ask(b"hang"))
    while child.pid:
        await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not is_running(pid)
    assert await child.ask(b"next") == b"next"


async def test_a_caller_who_gives_up_while_it_starts_leaves_no_process(make: Making, tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    text = f"import os, signal\nopen({str(noted)!r}, 'w').write(f'{{os.getpid()}} ')\n{WORK}"
    child = make(text.replace("def prepare():\n    pass", "def prepare():\n    signal.pause()"))
    starting = asyncio.create_task(child.start())
    while not (noted.exists() and noted.read_text().endswith(" ")):
        await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not is_running(int(noted.read_text()))


@pytest.mark.parametrize("text", ["raise SystemExit", "no Python", "def prepare(): raise ValueError"])
async def test_a_child_that_does_not_start_is_no_child(make: Making, text: str) -> None:
    child = make(text)
    with pytest.raises(ChildDied):
        await child.start()
    assert child.pid == 0


async def test_after_so_many_requests_a_fresh_child_goes_on(make: Making) -> None:
    child = make(requests=2)
    pids = [await child.ask(b"pid") for _ in range(5)]
    assert (pids[0], pids[2]) == (pids[1], pids[3])
    assert len(set(pids)) == 3
    assert not is_running(int(pids[0]))


async def test_closing_ends_the_process(make: Making) -> None:
    child = make()
    pid = int(await child.ask(b"pid"))
    await child.close()
    assert not is_running(pid)


async def test_a_child_that_nobody_holds_any_more_ends(make: Making, tmp_path: Path) -> None:
    make()  # writes the file
    child = ChildProcess(tmp_path / "work0.py", memory=512 << 20, cpu_s=60, deadline_s=120)
    pid = int(await child.ask(b"pid"))
    del child
    assert not is_running(pid)


def test_an_orphan_ends_with_its_input(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text(WORK)
    program = [sys.executable, "-P", str(INSIDE), str(tmp_path / "work.py"), str(512 << 20), "60"]
    done = subprocess.run(program, input=b"", capture_output=True, timeout=60, check=True)
    assert done.stdout == bytes(4), "it was ready"


@pytest.mark.parametrize("attempt", [b"open_file", b"make_file", b"open_socket", b"take_memory"])
async def test_it_can_take_no_file_no_socket_and_no_more_memory(make: Making, attempt: bytes) -> None:
    wanted = b"no memory" if attempt == b"take_memory" else b"Too many open files"
    assert await make().ask(attempt) == wanted


async def test_secrets_of_the_environment_do_not_reach_it(
    make: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKCHANNEL_SECRET", "canary")
    child = make()
    await child.start()
    environment = Path(f"/proc/{child.pid}/environ").read_bytes()
    assert b"PATH=" in environment
    assert b"canary" not in environment
