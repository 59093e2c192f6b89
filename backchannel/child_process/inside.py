"""The child's side: loads one file of ours, gives up all that its work does not need, and answers requests.

Run as a program by its path, so that nothing of ours is loaded but the file with the work:

    python -P inside.py <file> <bytes of memory> <seconds of processor for a request>

That file has `prepare()`, which loads all that the work would load late, and `answer(request) -> bytes`.
Whatever `answer` raises ends the process, and the parent starts a new one.

Frames go over standard input and output: four bytes of length, big-endian, and so many bytes. The child's
first frame is empty and says that it is ready.

Why the limits come after `prepare` and before the first foreign byte: a parser that is talked into something
by what it reads can then open no file and no socket and start no process, and imports would fail for the same
reason. Its time is the processor's: a child whose parent was killed would else go round in an endless loop
for ever, while one that only waits ends when its input does.
"""

import importlib.util
import resource
import sys
from struct import Struct
from types import ModuleType

LENGTH = Struct(">I")


def load(file: str) -> ModuleType:
    """Return the file as a module."""
    spec = importlib.util.spec_from_file_location("work", file)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def confine(memory: int) -> None:
    """From here on: no new file, socket, process or thread, no file that grows, bounded memory."""
    for limit, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 3),
    ):
        resource.setrlimit(limit, (most, most))


def grant_cpu(seconds: int) -> None:
    """Grant so much of the processor from here on; the kernel ends the process when it is used up."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))


def main(file: str, memory: str, cpu_s: str) -> None:
    """Answer one request after the other, until the parent hangs up."""
    work, source, sink = load(file), sys.stdin.buffer, sys.stdout.buffer
    work.prepare()
    confine(int(memory))
    said = b""
    while True:
        sink.write(LENGTH.pack(len(said)) + said)
        sink.flush()
        head = source.read(LENGTH.size)
        if len(head) < LENGTH.size:
            return
        request = source.read(*LENGTH.unpack(head))
        grant_cpu(int(cpu_s))
        said = work.answer(request)


if __name__ == "__main__":
    main(*sys.argv[1:])
