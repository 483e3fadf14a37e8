"""Labels made by hand: DeepLabCut's table, also after Excel of any country has saved it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dlstream_common import NetworkError
from dlstream_pose.convert.precision._labels import read_labels

TABLE = """scorer,,,Ada,Ada,Ada,Ada
bodyparts,,,nose,nose,neck,neck
coords,,,x,y,x,y
labeled-data,mouse1,img001.png,10.5,20.25,,
labeled-data,mouse1,img002.png,11,21.75,31.5,42
"""


def folder_with(tmp_path: Path, content: bytes) -> Path:
    (tmp_path / "CollectedData_Ada.csv").write_bytes(content)
    for number in (1, 2):
        cv2.imwrite(str(tmp_path / f"img00{number}.png"), np.zeros((60, 80, 3), np.uint8))
    return tmp_path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(("separator", "point"), [(",", "."), (";", "."), (";", ","), ("\t", ",")])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_table_as_any_excel_saves_it(encoding, separator, point, end, tmp_path):
    text = TABLE.replace(",", separator).replace(".", point).replace(f"{point}png", ".png").replace("\n", end)
    labels = read_labels(folder_with(tmp_path, text.encode(encoding)))
    assert labels.keypoints == ("nose", "neck")
    assert [image.name for image in labels.images] == ["img001.png", "img002.png"]
    expected = [[[10.5, 20.25], [np.nan, np.nan]], [[11, 21.75], [31.5, 42]]]
    np.testing.assert_array_equal(labels.points, expected)


def test_what_is_no_table_of_labels_is_named(tmp_path):
    with pytest.raises(NetworkError, match="found no rows 'bodyparts' and 'coords'"):
        read_labels(folder_with(tmp_path, b"frame;x;y\n1;2;3\n"))
    with pytest.raises(NetworkError, match=r"found a label that is no number \(.*'far'\)"):
        read_labels(folder_with(tmp_path, TABLE.replace("31.5", "far").encode()))
