"""The experiment that a node is configured with, as its file is now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dlstream_experiment.checks.against_rig import check_experiment
from dlstream_experiment.model.experiment import Experiment
from dlstream_experiment.model.loading import load_experiment, sha256_of
from dlstream_experiment.settings import ExperimentSettings


class ExperimentFile:
    """Loads the node's experiment, and again after its file has changed, as when regions were drawn.

    Attributes:
        experiment: what was loaded last.

    Raises:
        DlstreamError: what is wrong with the file.
    """

    def __init__(self, settings: ExperimentSettings, logger: Any) -> None:
        self._settings, self._logger = settings, logger
        self.experiment = self.load(settings.file)

    def load(self, path: Path) -> Experiment:
        """The experiment of any file, checked against the rig; what is doubtful is logged.

        Raises:
            DlstreamError: what is wrong with it.
        """
        settings = self._settings
        experiment = load_experiment(path, settings.allow_python)
        warnings = check_experiment(
            experiment,
            cameras=settings.cameras or None,
            image_sizes=settings.sizes,
            keypoints=settings.keypoints or None,
            outputs=settings.outputs or None,
        )
        for problem in warnings:
            self._logger.warning(f"{path}:{problem.line}: {problem}")
        return experiment

    def newest(self) -> Experiment:
        """The configured experiment, read again where its file, or one that it names, is another one now.

        Raises:
            DlstreamError: what is wrong with it now; `experiment` remains.
        """
        path = self._settings.file
        try:
            changed = path.read_text(encoding="utf-8") != self.experiment.text
            changed = changed or any(sha256_of(used.path) != used.sha256 for used in self.experiment.files)
        except (OSError, UnicodeDecodeError):
            changed = True  # reading it again says why
        if changed:
            self.experiment = self.load(path)
            self._logger.info(f"took over {path}, which has changed, or a file that it names")
        return self.experiment
