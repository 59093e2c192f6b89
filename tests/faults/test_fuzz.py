"""A minute of `make fuzz`: odd answers everywhere end nothing, and the control shows that they could."""

import os
from functools import partial

import pytest

from tests.conftest import Tell
from tests.faults.fuzz import LOST_S, Figures, failures, run

ROUNDS = {"inside": 6, "outside": 2, "control": 20}


def has_played(rounds: int, figures: Figures) -> bool:
    return figures.rounds >= rounds


@pytest.mark.timeout(300)
async def test_odd_answers_end_nothing_and_keep_nobody_waiting(tell: Tell) -> None:
    done = await run(
        int(os.environ.get("FUZZ_SEED", "1")),
        {name: partial(has_played, most) for name, most in ROUNDS.items()},
    )
    for name, figures in done.items():
        tell(figures.render(name))
    # How quickly an honest post comes is printed; `make fuzz` judges it, on a machine that does nothing else.
    assert not failures(done, late_s=LOST_S)
