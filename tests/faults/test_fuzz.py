"""A minute of `make fuzz`: odd answers everywhere end nothing, and the control shows that they could."""

import os

import pytest

from backchannel.clock import Clock
from tests.conftest import Tell
from tests.faults.fuzz import LOST_S, Figures, failures, run

INSIDE_S, OUTSIDE_S, CONTROL_S = 30.0, 12.0, 60.0


@pytest.mark.timeout(300)
async def test_odd_answers_end_nothing_and_keep_nobody_waiting(tell: Tell) -> None:
    clock, began = Clock(), dict[str, float]()

    def is_over(name: str, seconds: float, figures: Figures) -> bool:
        at = clock.monotonic()
        return figures.rounds > 0 and at - began.setdefault(name, at) > seconds

    done = await run(
        int(os.environ.get("FUZZ_SEED", "1")),
        {
            "inside": lambda figures: is_over("inside", INSIDE_S, figures),
            "outside": lambda figures: is_over("outside", OUTSIDE_S, figures),
            "control": lambda figures: is_over("control", CONTROL_S, figures),
        },
    )
    for name, figures in done.items():
        tell(figures.render(name))
    # How quickly an honest post comes is printed; `make fuzz` judges it, on a machine that does nothing else.
    assert not failures(done, late_s=LOST_S)
