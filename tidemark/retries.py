"""Do again what failed for a reason that passes: a broken connection, a lost race for a lock.

What is done again has to be safe to do twice. A hop is: it happens once however often it is tried.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tidemark import interrupts
from tidemark.errors import TidemarkError

T = TypeVar("T")

ATTEMPTS = 7
FIRST_WAIT = 0.2
"""Seconds; each wait is twice as long as the one before, and seven attempts take 13 s of waits:
time enough for a server to be restarted."""


def until_done(work: Callable[[], T], failed: Callable[[TidemarkError], None] | None = None) -> T:
    """Do `work`, and again after each error that is transient.

    Args:
        work: what to do.
        failed: called with the error of an attempt that another will follow. What it raises
            ends the attempts.

    Raises:
        TidemarkError: of the first attempt that failed for good, or of the last one.
    """
    try:
        return work()
    except TidemarkError as error:
        if not error.is_transient:
            raise
        before: list[TidemarkError] = [error]

    # Its import takes longer than a hop that finds nothing.
    import tenacity

    def attempt() -> T:
        if before:
            raise before.pop()
        return work()

    def tell(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if failed and isinstance(error, TidemarkError):
            failed(error)

    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: getattr(error, "is_transient", False)),
        stop=tenacity.stop_after_attempt(ATTEMPTS)
        | tenacity.stop_when_event_set(interrupts.arrived),
        wait=tenacity.wait_exponential(FIRST_WAIT) + tenacity.wait_random(0, FIRST_WAIT),
        sleep=tenacity.sleep_using_event(interrupts.arrived),
        before_sleep=tell,
        reraise=True,
    )(attempt)
