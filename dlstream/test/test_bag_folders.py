"""Folders of bags as they come from other machines: in pieces, packed, with metadata.yaml empty or half filled in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from bag_tools import COUNT, NETWORK, NOON, SECOND, SQLITE3, Maker
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from dlstream.offline.kinds import other_kind
from dlstream_common import DlstreamError


def write(make: Maker, name: str, messages: list, first: int, plugin: StoragePlugin, packed: bool = False) -> Path:
    """A bag of some of the images; returns its folder."""
    path = make.folder / name
    writer = Writer(path, version=9, storage_plugin=plugin)
    if packed:
        writer.set_compression(CompressionMode.FILE, CompressionFormat.ZSTD)
    kind = messages[0].__msgtype__
    with writer:
        connection = writer.add_connection("/top/image_raw", kind, typestore=make.store)
        for number, message in enumerate(messages, first):
            data = make.store.serialize_cdr(message, kind)
            writer.write(connection, NOON + number * SECOND // 10, data)
    return path


@pytest.mark.parametrize("plugin", [StoragePlugin.MCAP, SQLITE3])
def test_the_pieces_of_a_bag_are_read_in_order_without_metadata(make, replayed, tmp_path, plugin):
    images, folder = make.images(), tmp_path / "rec"
    folder.mkdir()
    for piece, first in enumerate(range(0, COUNT, 3)):
        part = write(make, f"part{piece}", images[first : first + 3], first, plugin)
        [file] = [item for item in part.iterdir() if item.name != "metadata.yaml"]
        shutil.copy(file, folder / f"rec_{piece}{file.suffix}")
    assert replayed(folder, NETWORK)["stamp_ns"].tolist() == make.stamps()
    ending = next(folder.iterdir()).suffix
    (folder / f"rec_1{ending}").unlink()
    with pytest.raises(DlstreamError) as caught:
        replayed(folder, NETWORK)
    assert f"found 2 pieces of a bag and no metadata.yaml; expected rec_1{ending}, too." in str(caught.value)
    assert f"`dlstream replay {folder / 'rec_0'}{ending}`" in str(caught.value)


@pytest.mark.parametrize("plugin", [StoragePlugin.MCAP, SQLITE3])
def test_metadata_that_says_nothing_of_the_storage_is_left_out(make, replayed, plugin):
    bag = write(make, "bag", make.images(), 0, plugin)
    about = bag / "metadata.yaml"
    text = about.read_text()
    line = next(line for line in text.splitlines() if "storage_identifier" in line)
    for content in (text.replace(line, "  storage_identifier: ''"), ""):
        about.write_text(content)
        assert replayed(bag, NETWORK)["stamp_ns"].tolist() == make.stamps()


@pytest.mark.parametrize("plugin", [StoragePlugin.MCAP, SQLITE3])
def test_a_packed_bag_is_read_and_named_where_its_metadata_is_missing(make, replayed, plugin):
    bag = write(make, "bag", make.images(), 0, plugin, packed=True)
    assert replayed(bag, NETWORK)["stamp_ns"].tolist() == make.stamps()
    (bag / "metadata.yaml").unlink()
    [file] = bag.iterdir()
    assert other_kind(bag).startswith(
        "a bag packed by Zstandard, without the metadata.yaml that says so; expected a bag"
    )
    assert f"`unzstd {file}`" in other_kind(bag)
    assert other_kind(file).startswith("a file packed by Zstandard: `unzstd` unpacks it; expected a session folder")


def test_images_without_stamps_have_the_times_of_their_recording(make, replayed, console):
    bag = write(make, "bag", make.images(stamps=[0] * COUNT), 0, StoragePlugin.MCAP)
    assert replayed(bag, NETWORK)["stamp_ns"].tolist() == make.stamps()
    said = console.export_text()
    assert "/top/image_raw: its images have no stamps; the times at which they were recorded are used" in said
