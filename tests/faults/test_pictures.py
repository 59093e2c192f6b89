"""Strangers' pictures against the running program: what others say is shown meanwhile, with its avatars.

`python -m benchmarks.pictures` plays the same scenes at length and prints the seconds.
"""

import asyncio
import re
from pathlib import Path

import pytest

from benchmarks.pictures import SHORT, command

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("scene", ["silent", "slow", "names", "flood"])
async def test_others_are_shown_with_their_avatars_before_a_crowd_of_pictures_is_done(scene: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command(scene, "--short"), cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said = (await process.communicate())[0].decode()
    print(said)
    found = re.search(r"honest avatars: (\d+); honest posts shown before the crowd was done: (\d+)", said)
    assert found, said
    avatars, before = map(int, found.groups())
    assert avatars >= SHORT, "all of them, unless the machine is at its limit"
    assert before >= 1 if scene == "slow" else before >= SHORT
