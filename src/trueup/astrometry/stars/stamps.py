"""An image with its sky, and profiles fitted around its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.stars.fitting import Fitted, fit_profiles
from trueup.astrometry.stars.profile import Profile
from trueup.astrometry.stars.sky import Sky

Floats = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """An image and what is known of its noise.

    Parameters
    ----------
    image : (ny, nx) float array
        NaN is no data.
    sky : Sky
    gain : float or None
        Electrons per unit of the image.

    Examples
    --------
    >>> frame = Frame(np.eye(8), Sky(np.zeros((1, 1)), np.ones((1, 1))), None)
    >>> frame.stamps((np.array([4]), np.array([4])), 1)[0].tolist()
    [[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]]
    """

    image: NDArray[np.floating]
    sky: Sky
    gain: float | None

    def stamps(self, at: tuple[Index, Index], half: int) -> tuple[Floats, Floats]:
        """Stamps around pixels (y, x), sky subtracted, and their noise: (n, k, k) and (n, 1, 1) float64."""
        y, x = at
        span = np.arange(-half, half + 1)
        level, noise = self.sky.at(y, x)
        cells = self.image[y[:, None, None] + span[:, None], x[:, None, None] + span]
        return cells.astype(np.float64) - level[:, None, None], noise[:, None, None]

    def fit(
        self,
        at: tuple[Index, Index],
        profile: Profile,
        *,
        half: int,
        wrong: float,
        start: Fitted | None = None,
    ) -> Fitted:
        """Fit a profile around pixels (y, x); see :func:`trueup.astrometry.stars.fitting.fit_profiles`."""
        stamps, noise = self.stamps(at, half)
        return fit_profiles(stamps, profile=profile, noise=noise, gain=self.gain, wrong=wrong, start=start)
