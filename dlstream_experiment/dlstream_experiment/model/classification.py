"""A trained ONNX network that classifies behaviour, and what it is asked: for the trigger `classifier`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlstream_common import NetworkError
from dlstream_common.installing import pip_install


class Classifier:
    """An ONNX network that gives the class, or the probability of each class, from features.

    Attributes:
        samples: how many poses it takes at a time.
        classes: how many classes there are; None: not known.

    Raises:
        NetworkError: the file can't be used; its message says why.
    """

    def __init__(self, path: Path, samples: int, width: int, probabilities: bool) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise NetworkError(f"the package onnxruntime is missing: {pip_install('onnxruntime')}") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        options.log_severity_level = 4
        try:  # from its bytes only: a network with weights in other files could not be copied into a session
            self._session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has no common class of its own
            reason = " ".join(str(error).split())[:200]
            if "external" in reason.lower():
                reason = f"its weights are in another file; save it as one ({reason})"
            raise NetworkError(f"{path}, which can't be read as a network: {reason}") from error
        inputs = self._session.get_inputs()
        shape = inputs[0].shape if inputs else []
        if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(shape) not in (2, 3):
            raise NetworkError(f"{path}, whose input is not one block of 32-bit floats of 2 or 3 dimensions")
        expected = [samples * width] if len(shape) == 2 else [samples, width]
        if any(isinstance(has, int) and has != wants for has, wants in zip(shape[1:], expected, strict=True)):
            features = " x ".join(str(size) for size in shape[1:])
            wanted = " x ".join(str(size) for size in expected)
            raise NetworkError(f"{path}, which takes {features} features; samples and keypoints make {wanted}")
        self._one_by_one = isinstance(shape[0], int)
        if self._one_by_one and shape[0] != 1:
            raise NetworkError(f"{path}, which takes {shape[0]} individuals at a time; expected one, or any number")
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

    def classify(self, features: NDArray[np.float32], behaviour: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """For which of N individuals a class is the most probable, and its probability.

        Args:
            features: (N, samples * width).
            behaviour: the number of the class.

        Returns:
            (N,) and (N,); the probability is 1 or 0 where the network gives class numbers.
        """
        blocks = [block[None] for block in features] if self._one_by_one else [features]
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


@dataclass(frozen=True)
class PoseClassification:
    """The class of a network for the poses of a window of time; see `ClassifierSettings`.

    Attributes:
        keypoints: in the order of the network's features.
        reference: the keypoint relative to which the others are given.
        window: nanoseconds.
        at_least: the lowest probability; None: the class must be the most probable one.
        release: takes the place of at_least while the condition is true.
        only: the id of the only individual that counts; None: any.
        scale: by which the keypoints' places are divided.
    """

    network: Classifier
    keypoints: tuple[str, ...]
    reference: str
    window: int
    behaviour: int
    at_least: float | None = None
    release: float | None = None
    only: str | None = None
    min_confidence: float = 0.5
    scale: float = 1.0
