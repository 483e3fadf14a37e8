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
    assert "bag: message 0 of /top/image_raw has no stamp; for such messages the time at which they were" in said
    assert said.count("has no stamp") == 1


def test_a_later_image_without_a_stamp_is_told_too(make, replayed, console):
    stamps = make.stamps()
    bag = write(make, "bag", make.images(stamps=[*stamps[:3], 0, 0, *stamps[5:]]), 0, StoragePlugin.MCAP)
    assert replayed(bag, NETWORK)["stamp_ns"].tolist() == stamps
    said = console.export_text()
    assert "message 3 of /top/image_raw has no stamp" in said
    assert said.count("has no stamp") == 1


def test_a_piece_without_those_before_it_is_told(make, replayed, console, tmp_path):
    images, folder = make.images(), tmp_path / "rec"
    folder.mkdir()
    for piece in (1, 2):
        part = write(make, f"part{piece}", images[3 * piece : 3 * piece + 3], 3 * piece, StoragePlugin.MCAP)
        shutil.copy(next(part.glob("*.mcap")), folder / f"rec_{piece}.mcap")
    with pytest.raises(
        DlstreamError, match=r"found 2 pieces of a bag and no metadata\.yaml; expected rec_0\.mcap, too"
    ):
        replayed(folder, NETWORK)
    (folder / "rec_1.mcap").unlink()
    assert replayed(folder, NETWORK)["stamp_ns"].tolist() == make.stamps()[6:]
    assert "found only rec_2.mcap and no metadata.yaml. If it is piece 2 of a bag, as its name" in console.export_text()
    (folder / "rec_2.mcap").rename(folder / "rec_0.mcap")
    replayed(folder, NETWORK)
    assert "found only" not in console.export_text()
