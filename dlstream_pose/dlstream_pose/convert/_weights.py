"""PyTorch files, loaded as plain numbers: anything else in them could run code."""

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
        NetworkError: it is damaged, not a PyTorch file, or holds more than numbers.
    """
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about TorchScript, before it refuses
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise NetworkError(f"{path}: can't be read ({error.strerror or gist(error)})") from error
    except pickle.UnpicklingError as error:  # PyTorch would advise loading everything in it
        raise NetworkError(
            f"{path}: can't be loaded as plain numbers; expected {expected}. It is not a PyTorch file, is damaged, or "
            "holds objects, which dlstream does not load because they could run code"
        ) from error
    except Exception as error:  # torch raises anything from EOFError to KeyError
        reason = type(error).__name__ if isinstance(error, KeyError) else gist(error).partition(". ")[0]
        raise NetworkError(
            f"{path}: can't be loaded ({reason:.150}); expected {expected}. The file is damaged, incomplete, or of "
            "another kind"
        ) from error
