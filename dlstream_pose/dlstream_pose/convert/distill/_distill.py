"""Distilling: ask the teacher, train the student, convert it, prove it on frames held back, and only then write."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from dlstream_common import NetworkError
from dlstream_common.video import VideoFrame, open_frames
from dlstream_pose.convert._convert import convert
from dlstream_pose.convert._file import free, label, write
from dlstream_pose.convert._frames import Sample
from dlstream_pose.convert.distill._apart import check_apart
from dlstream_pose.convert.distill._kept import writing
from dlstream_pose.convert.distill._lessons import Lessons, lessons_of
from dlstream_pose.convert.distill._picture import draw
from dlstream_pose.convert.distill._plan import Plan, files, mirror_order, resume
from dlstream_pose.convert.distill._proof import Held, objection, prove
from dlstream_pose.convert.distill._student import ACTIVATION, check_installed, save_export, usual_start
from dlstream_pose.convert.distill._teacher import Teacher
from dlstream_pose.convert.distill._train import Look, Training
from dlstream_pose.convert.precision import Labels
from dlstream_pose.convert.precision._labels import distances_to
from dlstream_pose.convert.progress import Tell, silent
from dlstream_pose.runtime.distillation import Distillation
from dlstream_pose.runtime.estimator import Estimator
from dlstream_pose.runtime.network import Network

_MOST_PROOF = 800
_ASKING = 0.1
"""Share of the minutes for the teacher's answers to views."""


def distill(
    teacher: Path,
    videos: Sequence[Path],
    output: Path,
    size: str = "small",
    minutes: float = 30.0,
    *,
    scale: float | None = None,
    count: int = 2000,
    held_back: float = 0.25,
    proof: Sequence[Path] = (),
    labels: Labels | None = None,
    within: float | None = None,
    rotation: float = 30.0,
    mirror: Sequence[tuple[str, str]] = (),
    threads: int = 0,
    start: Path | None = None,
    tell: Tell = silent,
) -> Distillation:
    """Trains a small network on a large one's answers to your videos.

    Beside the output, OUTPUT.training holds the teacher's answers, the state, and the picture `progress.png`; the same
    call goes on with it. OUTPUT with .pt is the student as DeepLabCut exports a network; it replaces that of a former
    student in OUTPUT, and no other file.

    Args:
        teacher: network file for one animal, of any kind.
        output: network file to write (.onnx).
        size: small, tiny or nano.
        minutes: how long to train, at most, without the teacher's pass over the frames and the proof; up to a tenth of
            it goes to asking the teacher about views of them.
        scale: of the images that the teacher looks at; None: the file's own.
        count: frames of each video to learn from, at most.
        held_back: share of each video, at its end, that proves.
        proof: videos that prove instead, none of `videos` among them.
        labels: made by hand; the teacher is asked about them first.
        within: largest median distance to the teacher, in pixels of the video's frames; None: any, if half of the
            keypoints are within 20 px of it.
        rotation: degrees by which views are turned, at most.
        mirror: pairs of keypoints that are exchanged in a mirrored view; without any, none is mirrored.
        start: a student to begin with (.pt) of the same size; None: the demo's network where it is small and at hand.
        threads: of torch; 0: as many as it takes.

    Raises:
        NetworkError: it can't be done, or the student is too far from its teacher. Then nothing is written.
        SourceError: a video can't be read.
    """
    output = free(output)
    if output.exists() and output.samefile(teacher):
        raise NetworkError(f"{output}: is the teacher itself; name another file to write")
    _check_export(output)
    check_apart(videos, proof)
    check_installed()
    master = Teacher(teacher, threads)
    info = master.info
    factor = scale or info.scale or 1.0
    asked = Estimator(teacher, factor, threads or 1, "onnx")
    by_hand = distances_to(labels, asked) if labels else None
    if by_hand:
        by_hand.check_seen("the teacher")
    kept = 0.0 if proof else held_back
    start = start or usual_start(size)
    plan = Plan(
        teacher_sha256=master.sha256,
        videos=files(list(videos)),
        size=size,
        scale=factor,
        count=count,
        held_back=kept,
        rotation=rotation,
        mirrored=mirror_order(list(mirror), info.keypoints),
        start=start.name if start else "",
        activation=ACTIVATION,
    )
    folder = output.with_name(output.name + ".training")
    resume(folder, plan)
    lessons: list[Lessons] = []
    lag = (1 - factor) / 2
    for number, video in enumerate(videos):
        one = lessons_of(video, folder / plan.lessons / str(number), count, kept, info.stride, tell)
        one.ask(master, factor, tell)
        one.ask_views(master, plan.augmentation, lag, _ASKING * minutes * 60 / len(videos), tell)
        lessons.append(one)

    def look(seen: Look) -> None:
        draw(folder / "progress.png", seen.history, seen.images, seen.teacher, seen.student, info.edges)

    training = Training(
        lessons,
        size,
        plan.augmentation,
        lag,
        minutes * 60 - sum(one.views.seconds for one in lessons if one.views),
        folder / "state.pt",
        look,
        threads,
        start,
    )
    training.run(tell)
    exported = folder / output.with_suffix(".pt").name
    save_export(exported, training.best, size, info.keypoints, info.animals[0])
    draft = folder / "draft.onnx"
    edges = [(info.keypoints[a], info.keypoints[b]) for a, b in info.edges]
    convert(exported, draft, _samples(lessons), edges, lessons[0].size, None, tell, factor)
    student = Estimator(draft, factor, threads or 1, "onnx")
    found = prove(asked, student, _held(lessons, proof, tell), by_hand, tell)
    about = Distillation(
        teacher=teacher.name,
        teacher_sha256=master.sha256,
        size=size,
        frames=sum(len(one.training) for one in lessons),
        on=", ".join(video.name for video in videos),
        maps=all(one.maps is not None for one in lessons),
        left_out=sum(one.left_out for one in lessons),
        minutes=round(training.elapsed / 60, 2),
        processor_minutes=round(training.processor / 60, 2),
        proof=found,
    )
    if reason := objection(found, within):
        raise NetworkError(
            f"{output}: {reason}; worst: {found.worst_at}. Nothing was written. More --minutes go on from {folder}; or "
            "give more videos, or a larger --size"
        )
    label(draft, student.info.model_copy(update={"distillation": about}))
    write(draft, output)
    with writing(output.with_suffix(".pt")):
        exported.replace(output.with_suffix(".pt"))
        draft.unlink()
    return about


def _check_export(output: Path) -> None:
    """The student is also written as .pt: over the one of the same student, and over nothing else.

    Raises:
        NetworkError: another file is there, such as the only export of a network of DeepLabCut.
    """
    path = output.with_suffix(".pt")
    if not path.exists():
        return
    try:
        former = Network(output, 1, "onnx").info if output.exists() else None
        own = hashlib.sha256(path.read_bytes()).hexdigest()
    except (NetworkError, OSError):
        former, own = None, ""
    if former is None or former.distillation is None or former.source.sha256 != own:
        raise NetworkError(
            f"{path}: found a file that does not belong to a student in {output.name}; expected none: the student is "
            "written there, too, as DeepLabCut exports a network. Give another --out, or move the file away"
        )


def _samples(lessons: Sequence[Lessons]) -> list[Sample]:
    """Frames on which the conversion is compared with the student in torch."""
    one = lessons[0]
    places = one.validation[:: max(1, len(one.validation) // 10)]
    return [Sample(one.images[place].copy(), f"{one.video.name}, frame {one.numbers[place]}") for place in places]


def _held(lessons: Sequence[Lessons], proof: Sequence[Path], tell: Tell) -> Held:
    if not proof:
        return [(one.video, one.choice.proof) for one in lessons]
    held = []
    for video in proof:
        tell(f"counting frames of {video.name}", 0, 0)
        numbers = [item.number for item in open_frames(video).frames() if isinstance(item, VideoFrame)]
        step = max(1, -(-len(numbers) // _MOST_PROOF))
        held.append((video, tuple(numbers[::step])))
    return held
