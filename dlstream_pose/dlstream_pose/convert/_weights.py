"""Files of PyTorch, loaded as numbers alone: whatever else one holds could run code."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

from dlstream_common import NetworkError
from dlstream_pose.convert._source import gist


def load_numbers(path: Path, expected: str) -> Any:
    """What a file holds.

    Args:
        expected: what such a file is, for the error.

    Raises:
        NetworkError: it is damaged, not a file of PyTorch, or holds more than numbers.
    """
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of TorchScript, before it refuses
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise NetworkError(f"{path}: can't be read ({error.strerror or gist(error)})") from error
    except pickle.UnpicklingError as error:  # PyTorch would advise to load it with all that it holds
        raise NetworkError(
            f"{path}: can't be loaded as numbers alone; expected {expected}. It is no file of PyTorch, is damaged, or "
            "holds objects, which are not loaded as they could run code"
        ) from error
    except Exception as error:  # torch raises anything from EOFError to KeyError
        reason = type(error).__name__ if isinstance(error, KeyError) else gist(error).partition(". ")[0]
        raise NetworkError(
            f"{path}: can't be loaded ({reason:.150}); expected {expected}. The file is damaged, incomplete, or of "
            "another kind"
        ) from error
