"""How often and how long something is tried: the same for a query and for a download."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from trueup.config import Http

# answers that another attempt may change
BUSY = frozenset({429, 500, 502, 503, 504})

_LONGEST_PAUSE_S = 30.0
# slower than this is no transfer any more
_SLOWEST = 20_000

logger = logging.getLogger(__name__)


class Patience:
    """Counts the attempts at one thing and waits between them.

    Parameters
    ----------
    http : Http
    size : int, optional
        Bytes to transfer; large ones get more than `http.total_s`.
    stop : threading.Event, optional
        Ends a pause, and all further attempts.

    Attributes
    ----------
    attempts : int
    deadline : float
        Of `time.monotonic`.

    Examples
    --------
    >>> patience = Patience(Http(retries=1, backoff_s=0))
    >>> patience.another(), patience.another(), patience.attempts
    (True, False, 2)
    """

    def __init__(self, http: Http, *, size: int | None = None, stop: threading.Event | None = None) -> None:
        self._http = http
        self._allowed_s = max(http.total_s, (size or 0) / _SLOWEST)
        self._stop = stop or threading.Event()
        self.attempts = 1
        self.start()

    def start(self) -> None:
        """The time runs from now."""
        self.deadline = time.monotonic() + self._allowed_s

    @property
    def is_over(self) -> bool:
        """Whether the time is up, or somebody wants to stop."""
        return self._stop.is_set() or time.monotonic() > self.deadline

    def another(self, wait_s: float | None = None) -> bool:
        """Pause, and say whether one more attempt is allowed.

        Parameters
        ----------
        wait_s : float, optional
            What the service asked for.
        """
        pause = min(_LONGEST_PAUSE_S, self._http.backoff_s * 2 ** (self.attempts - 1))
        pause = pause if wait_s is None else wait_s
        if self.attempts > self._http.retries or time.monotonic() + pause > self.deadline:
            return False
        if pause > _LONGEST_PAUSE_S:
            logger.warning("the service asks to wait %.0f s", pause)
        if self._stop.wait(pause):
            return False
        self.attempts += 1
        return True


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a service asks to wait, in its header Retry-After; None where it does not.

    Parameters
    ----------
    headers : mapping of str to str

    Examples
    --------
    >>> retry_after({"Retry-After": "7"}), retry_after({"Retry-After": "soon"})
    (7.0, None)
    """
    text = headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (moment.astimezone(UTC) - datetime.now(UTC)).total_seconds())
