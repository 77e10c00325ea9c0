"""Try again what failed for a reason that passes: a broken connection, a lost race for a lock.

Only for work that may be done twice. A hop may: it changes the layers once, however often it runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tidemark import logs
from tidemark.errors import TidemarkError
from tidemark.postgres import interrupts

T = TypeVar("T")

log = logs.named(__name__)

ATTEMPTS = 7
FIRST_WAIT = 0.2
"""Seconds. Each wait is twice as long as the one before. Between seven attempts they add up to
13 s, in which a server can be restarted."""


def until_done(work: Callable[[], T], failed: Callable[[TidemarkError], None] | None = None) -> T:
    """Do `work`, and again after each error that is transient.

    Args:
        work: what to do.
        failed: called with the error of each attempt that is followed by another. If it raises, no
            other attempt is made.

    Raises:
        TidemarkError: of the first attempt that failed for good, or of the last one.
    """
    try:
        return work()
    except TidemarkError as error:
        if not error.is_transient:
            raise
        before: list[TidemarkError] = [error]

    # Imported late: it takes longer than a hop that finds nothing.
    import tenacity

    # tenacity counts the attempt above as the first one: it gets its error once more.
    def attempt() -> T:
        if before:
            raise before.pop()
        return work()

    def tell(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, TidemarkError):
            about = logs.fields(**logs.of_error(error), attempt=state.attempt_number)
            log.warning("%s Tried again in %.1f s.", error, state.upcoming_sleep, extra=about)
            if failed:
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
