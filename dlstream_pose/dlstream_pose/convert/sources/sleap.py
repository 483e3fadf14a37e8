"""Networks of SLEAP: the folder in which SLEAP-NN trained a model, or SLEAP before it."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlstream_common import NetworkError
from dlstream_pose.convert._source import SourceNetwork
from dlstream_pose.convert.sources._sleap_decoders import Fields
from dlstream_pose.convert.sources._sleap_files import SleapFolder, animals_in, cleaned, is_sleap
from dlstream_pose.convert.sources._sleap_graph import graph
from dlstream_pose.convert.sources._sleap_steps import Steps
from dlstream_pose.runtime._present import present
from dlstream_pose.runtime.decoders import outputs_of
from dlstream_pose.runtime.network_info import NetworkInfo, Source

EXPECTED = "a folder in which SLEAP trained a model (training_config and best.ckpt)"
requires = {"sleap_nn": "-r requirements-sleap.txt"}
_OPSET = 18  # the first that resizes with a filter
_EXAMPLE = (240, 320)
_CANDIDATES = 20


def accepts(path: Path) -> bool:
    """Whether a path is a source of this kind."""
    return is_sleap(path)


def open_source(path: Path) -> SourceNetwork:
    """Loads the network.

    Raises:
        NetworkError: SLEAP-NN is not installed, or the folder is not a single-instance or bottom-up model.
    """
    folder = SleapFolder(path)
    try:
        import sleap_nn.inference.predictor  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise NetworkError(
            f"{folder.path}: converting a network of SLEAP needs SLEAP-NN ({error}), in an environment of its own: "
            "make sleap, or pip install -r requirements-sleap.txt"
        ) from error
    try:
        with _every_weight(folder):
            return SleapNetwork(folder)
    except NetworkError:
        raise
    except Exception as error:  # omegaconf, sleap-io and SLEAP-NN raise errors of any kind
        lines = str(error).strip().splitlines() or [""]
        raise NetworkError(
            f"{folder.path}: SLEAP-NN can't load it ({type(error).__name__}: {lines[0]:.300}); expected a model as "
            "SLEAP-NN's training writes it. The files may be damaged, or not belong together"
        ) from error


@contextmanager
def _every_weight(folder: SleapFolder) -> Iterator[None]:
    """Refuses weights of an older SLEAP that SLEAP-NN can't place: it would only warn, and go on without them."""
    from loguru import logger

    logged: list[str] = []
    sink = logger.add(
        lambda message: logged.append(message.record["message"]),
        level="WARNING",
        filter=lambda record: record["module"] == "legacy_models",
    )
    try:
        yield
    finally:
        logger.remove(sink)
    if logged:
        raise NetworkError(
            f"{folder.weights}: SLEAP-NN can't load all of its weights ({logged[0]:.300}); expected a model that it "
            "reads completely. Train it again with SLEAP-NN on the same labels"
        )


class SleapNetwork(SourceNetwork):
    """A single-instance or bottom-up network, and SLEAP-NN's predictor for it."""

    def __init__(self, folder: SleapFolder) -> None:
        from sleap_nn.inference.predictor import Predictor

        self._folder = folder
        with cleaned(folder) as safe:
            predictor = Predictor.from_model_paths([str(safe)], device="cpu")
        layer = self._layer = predictor.layer
        self._several = folder.kind == "bottomup"
        names = tuple(str(node.name) for node in predictor.skeleton.nodes)
        edges = tuple((names.index(a), names.index(b)) for a, b in predictor.skeleton.edge_names)
        before, behind = layer.preprocess_config, layer.postprocess_config
        model = layer.backend.model.model
        self._scale = float(before.scale)
        steps = Steps(
            channels=int(model.backbone_config.in_channels),
            grey=bool(before.ensure_grayscale),
            colour=bool(before.ensure_rgb),
            scale=self._scale,
            divisor=int(layer.max_stride),
            stride=float(layer.output_stride),
            threshold=float(behind.peak_threshold),
            patch=int(behind.integral_patch_size) if behind.effective_refinement else 0,
        )
        size = (before.max_width, before.max_height)
        self._graph = graph(model, steps, self._fields() if self._several else None)
        self._check(names)
        animals = animals_in(folder.path) if self._several else 1
        word = "sleap_tree" if self._several else "sleap_peaks"
        self.info = NetworkInfo(
            format=3 if all(size) else 2,
            keypoints=names,
            edges=edges,
            individuals=_named(animals),
            stride=steps.stride / steps.scale,
            decoder=word,
            outputs=outputs_of(word) if self._several else ("poses",),
            decoding=self._decoding(animals) if self._several else {},
            input_size=(int(size[0]), int(size[1])) if all(size) else None,
            fit=all(size),
            net_type=model.backbone_type,
            source=Source(
                file=folder.path.name,
                sha256=hashlib.sha256(folder.weights.read_bytes()).hexdigest(),
                tool="SLEAP" if folder.legacy else "SLEAP-NN",
                version=("best_model.h5, read by SLEAP-NN " if folder.legacy else "") + version("sleap-nn"),
            ),
        )

    def limit(self, individuals: int) -> None:
        if not self._several:
            super().limit(individuals)
        if individuals < 1:
            raise NetworkError(f"individuals: found {individuals}; expected 1 or more")
        update = {"individuals": _named(individuals), "decoding": self._decoding(individuals)}
        self.info = self.info.model_copy(update=update)

    def export(self, path: Path) -> None:
        import torch

        if not self.info.individuals:
            raise NetworkError(
                f"{self._folder.path}: found no labels (labels_gt.train.*.slp) beside the bottom-up model, and SLEAP "
                "stores the number of animals nowhere else; expected it to be given: --individuals N"
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                self._graph,
                (torch.zeros(*_EXAMPLE, 3, dtype=torch.uint8),),
                path,
                input_names=["image"],
                output_names=list(self.info.outputs),
                dynamic_shapes={"image": {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}},
                opset_version=_OPSET,
                dynamo=True,
                external_data=False,
                verbose=False,
            )

    def reference(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """As SLEAP-NN does it, with its own predictor; confidences above 1 are 1."""
        frame = np.ascontiguousarray(image[..., ::-1])
        if np.array_equal(frame[..., 0], frame[..., 2]):  # read from a video, such frames have one channel
            frame = np.ascontiguousarray(frame[..., :1])
        if self._several:
            self._layer.max_instances = len(self.info.individuals)
        found = self._layer.predict(frame)
        values = found.pred_peak_values[0].unsqueeze(-1)
        points = np.concatenate([found.pred_keypoints[0].numpy(), values.numpy()], axis=-1, dtype=np.float32)
        missing = ~np.isfinite(points).all(axis=-1)
        points[missing] = np.nan, np.nan, 0
        points[..., 2] = np.minimum(points[..., 2], 1)
        return present(points) if self._several else points

    def _fields(self) -> Fields:
        scorer = self._layer.paf_scorer
        return Fields(
            edges=tuple((*scorer.edge_inds[number], number) for number in scorer.sorted_edge_inds),
            stride=float(scorer.pafs_stride),
            samples=int(scorer.n_points),
            longest=float(scorer.max_edge_length_ratio),
            weight=float(scorer.dist_penalty_weight),
            candidates=_CANDIDATES,
        )

    def _decoding(self, animals: int) -> dict[str, Any]:
        scorer = self._layer.paf_scorer
        return {
            "animals": max(1, animals),  # 0: not known yet
            "edges": [[int(end) for end in scorer.edge_inds[number]] for number in scorer.sorted_edge_inds],
            "min_affinity": float(scorer.min_line_scores),
        }

    def _check(self, names: tuple[str, ...]) -> None:
        """Runs the graph once: do its outputs fit the names of the keypoints?"""
        import torch

        with torch.inference_mode():  # from here on the pooling layers know that no padding is needed
            outputs = self._graph(torch.zeros(128, 128, 3, dtype=torch.uint8))
        found = (outputs[0] if isinstance(outputs, tuple) else outputs).shape[0]
        if found != len(names):
            raise NetworkError(
                f"{self._folder.path}: found {found} keypoints in the network and {len(names)} names in its "
                f"configuration: {', '.join(names)}; expected as many"
            )


def _named(animals: int) -> tuple[str, ...]:
    return tuple(f"individual_{number}" for number in range(1, animals + 1))
