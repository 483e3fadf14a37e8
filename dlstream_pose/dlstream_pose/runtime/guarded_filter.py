"""A filter as the stream calls it, so that mistakes in its code are reported as its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlstream_common import DlstreamError
from dlstream_common.part_faults import Shown, shown_value
from dlstream_pose.runtime.filters import FILTERS, Filtered, FilterSettings

_FLOAT = np.dtype("float64")


class GuardedFilter:
    """A filter whose mistakes end in one message: what it raises unforeseen or returns wrongly is a PartFault.

    Args:
        shape: of the keypoints: individuals, keypoints.
    """

    def __init__(self, shape: tuple[int, int], settings: FilterSettings) -> None:
        self._author = FILTERS.author(settings.type)
        self._shape, self._covariance = shape, (*shape, 3)
        self._shapes = ((2, *shape), (2, *shape), shape)
        with self._author.calling("__init__"):
            self._own = FILTERS[settings.type](shape, settings)

    def reset(self) -> None:
        """See Filter."""
        with self._author.calling("reset"):
            self._own.reset()

    def update(self, poses: NDArray[np.float32], stamp: int) -> Filtered:
        """See Filter.

        Raises:
            PartFault: a mistake in the filter's code.
        """
        try:
            found = self._own.update(poses, stamp)
        except DlstreamError:
            raise
        except (Exception, SystemExit) as error:
            raise self._author.raised("step", error, "a state of 12 rows, one column for each keypoint") from error
        return self._checked("step", found)

    def predict(self, stamp: int) -> Filtered:
        """See Filter; raises as `update`."""
        try:
            found = self._own.predict(stamp)
        except DlstreamError:
            raise
        except (Exception, SystemExit) as error:
            raise self._author.raised("carry", error, "a state of 12 rows, one column for each keypoint") from error
        return self._checked("carry", found)

    def _is_usual(self, found: Filtered) -> bool:
        position, velocity, confidence, covariance = found.position, found.velocity, found.confidence, found.covariance
        arrays = type(position) is np.ndarray and type(velocity) is np.ndarray and type(confidence) is np.ndarray
        return (
            arrays
            and (position.shape, velocity.shape, confidence.shape) == self._shapes
            and position.dtype is velocity.dtype is confidence.dtype is _FLOAT
            and (covariance is None or (type(covariance) is np.ndarray and covariance.shape == self._covariance))
        )

    def _checked(self, method: str, found: Filtered) -> Filtered:
        if type(found) is Filtered and self._is_usual(found):  # in a microsecond
            return found
        shape = self._shape
        if not isinstance(found, Filtered):
            raise self._author.returned(method, found, "a Filtered")
        expected = {"position": (2, *shape), "velocity": (2, *shape), "confidence": shape}
        if found.covariance is not None:
            expected["covariance"] = (*shape, 3)
        for name, wanted in expected.items():
            value = getattr(found, name)
            if not isinstance(value, np.ndarray) or value.shape != wanted or value.dtype.kind != "f":
                what = Shown(f"a Filtered with {name} {shown_value(value)}")
                raise self._author.returned(method, what, f"numbers (float64) of the shape {wanted}")
        return found
