"""The network behind `classifier.py`, and the poses that it is asked about."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlstream_common import NetworkError
from dlstream_experiment.model.names import nanoseconds
from dlstream_experiment.model.pose_array import Scene
from dlstream_experiment.model.triggers._base import Trigger

_MOST = 100_000
"""Poses kept of an individual."""


class Classifier:
    """An ONNX network that tells behaviours from features.

    Attributes:
        samples: how many poses it takes at a time.
        classes: how many there are; None: not known.
    """

    def __init__(self, path: Path, samples: int, width: int, probabilities: bool) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise NetworkError("the package onnxruntime is missing: pip install onnxruntime") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        options.log_severity_level = 4
        try:  # by its bytes alone: what keeps weights in other files could not be copied into a session
            self._session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has no common class of its own
            reason = " ".join(str(error).split())[:200]
            if "external" in reason.lower():
                reason = f"its weights are in another file; save it as one ({reason})"
            raise NetworkError(f"{path}, which is no network that can be read: {reason}") from error
        inputs = self._session.get_inputs()
        shape = inputs[0].shape if inputs else []
        if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(shape) not in (2, 3):
            raise NetworkError(f"{path}, whose input is not one block of 32-bit floats of 2 or 3 dimensions")
        expected = [samples * width] if len(shape) == 2 else [samples, width]
        if any(isinstance(has, int) and has != wants for has, wants in zip(shape[1:], expected, strict=True)):
            features = " x ".join(str(size) for size in shape[1:])
            wanted = " x ".join(str(size) for size in expected)
            raise NetworkError(f"{path}, which takes {features} features; samples and keypoints make {wanted}")
        self._alone = isinstance(shape[0], int)
        if self._alone and shape[0] != 1:
            raise NetworkError(f"{path}, which takes {shape[0]} individuals at a time, and not one or any number")
        self.samples = samples
        self._input, self._shape = inputs[0].name, (-1, *expected)
        self._output, self.classes, self._labels = self._find_output(path, probabilities)

    def _find_output(self, path: Path, probabilities: bool) -> tuple[str, int | None, bool]:
        outputs = self._session.get_outputs()
        shares = [item for item in outputs if item.type == "tensor(float)" and len(item.shape) == 2]
        labels = [item for item in outputs if item.type in ("tensor(int64)", "tensor(int32)")]
        if labels and not probabilities:
            return labels[0].name, None, True
        if shares:
            classes = shares[0].shape[1]
            return shares[0].name, classes if isinstance(classes, int) else None, False
        found = ", ".join(f"{item.name}: {item.type} {item.shape}" for item in outputs)
        wanted = "probabilities (N, classes) as 32-bit floats" + ("" if probabilities else ", or class numbers (N)")
        raise NetworkError(
            f"{path}, which gives {found}; wanted are {wanted} (with scikit-learn, export without ZipMap)"
        )

    def ask(self, features: NDArray[np.float32], behaviour: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Which of N individuals show it most, and its probability (1 or 0 where the network gives classes)."""
        blocks = [block[None] for block in features] if self._alone else [features]
        given: list[Any] = [
            self._session.run([self._output], {self._input: block.reshape(self._shape)})[0] for block in blocks
        ]
        answer = np.concatenate(given)
        if self._labels:
            shown = answer.reshape(len(features)) == behaviour
            return shown, shown.astype(np.float64)
        if behaviour >= answer.shape[1]:
            return np.zeros(len(features), bool), np.zeros(len(features))
        return answer.argmax(axis=1) == behaviour, answer[:, behaviour].astype(np.float64)


class ClassifierTrigger(Trigger):
    """See ClassifierSettings."""

    def __init__(
        self,
        network: Classifier,
        *,
        keypoints: Sequence[str],
        reference: str,
        window: float,
        behaviour: int,
        at_least: float | None,
        release: float | None,
        only: str | None,
        min_confidence: float,
        scale: float,
    ) -> None:
        self._network, self._names, self._reference = network, list(keypoints), reference
        self._window, self._samples = nanoseconds(window), network.samples
        self._behaviour, self._at_least, self._release = behaviour, at_least, release
        self._only, self._min_confidence, self._scale = only, min_confidence, scale
        self._poses: dict[str, deque[tuple[int, NDArray[np.float64]]]] = {}
        self._columns: list[int] = []
        self._center = 0
        self._held = False
        self._measured = float("nan")

    def bind(self, keypoints: Sequence[str]) -> None:
        for name in (*self._names, self._reference):
            if name not in keypoints:
                raise KeyError(name)
        self._columns = [list(keypoints).index(name) for name in self._names]
        self._center = list(keypoints).index(self._reference)
        self._poses.clear()

    @property
    def measured(self) -> float:
        return self._measured

    def decide(self, scene: Scene) -> bool | None:
        features = []
        for row, name in enumerate(scene.ids):
            if self._only in (None, name):
                self._keep(name, scene, row)
                found = self._features(name, scene.stamp)
                if found is not None:
                    features.append(found)
        for name in [name for name in self._poses if name not in scene.ids]:
            del self._poses[name]
        self._measured = float("nan")
        if not features:
            return None
        most, shares = self._network.ask(np.stack(features).astype(np.float32), self._behaviour)
        self._measured = float(shares.max())
        bound = self._release if self._held and self._release is not None else self._at_least
        self._held = bool(most.any()) if bound is None else bool((shares >= bound).any())
        return self._held

    def _keep(self, name: str, scene: Scene, row: int) -> None:
        """Appends the individual's pose; those that no window needs any more go."""
        poses = self._poses.setdefault(name, deque(maxlen=_MOST))
        if poses and poses[-1][0] >= scene.stamp:
            poses.clear()
        columns = [*self._columns, self._center]
        block = scene.block[:2, row, columns].astype(np.float64)
        block[:, ~(scene.block[2, row, columns] >= self._min_confidence)] = np.nan
        poses.append((scene.stamp, ((block[:, :-1] - block[:, -1:]) / self._scale).T.reshape(-1)))
        while len(poses) > 1 and poses[1][0] <= scene.stamp - self._window:
            poses.popleft()

    def _features(self, name: str, now: int) -> NDArray[np.float64] | None:
        """(samples, 2 K), interpolated between frames; None where something is missing."""
        poses = self._poses[name]
        if self._samples > 1 and poses[0][0] > now - self._window:
            return None
        steps = max(self._samples - 1, 1)
        times = [now - self._window + self._window * number / steps for number in range(self._samples)]
        times[-1] = now
        rows, place = [], 0
        for time in times:
            while place < len(poses) - 1 and poses[place + 1][0] <= time:
                place += 1
            before, pose = poses[place]
            if time > before and place < len(poses) - 1:
                after, following = poses[place + 1]
                pose = pose + (following - pose) * ((time - before) / (after - before))
            rows.append(pose)
        features = np.stack(rows)
        return None if np.isnan(features).any() else features
