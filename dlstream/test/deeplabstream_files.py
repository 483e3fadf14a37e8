"""Settings files of DeepLabStream, as its versions wrote them, and their import."""

from __future__ import annotations

from pathlib import Path

from dlstream.importing.convert import convert_setup
from dlstream_experiment import Experiment, load_experiment

FIRST = """\
[Streaming]
RESOLUTION = 848, 480
FRAMERATE = 25
STREAMS = color, infrared
OUTPUT_DIRECTORY = results
MULTIPLE_DEVICES = True
VIDEO_SOURCE = 2

[DeepLabCut]
DLC_PATH = somewhere/deeplabcut
MODEL = openfield-trainset95shuffle1

[Experiment]
EXP_NUMBER = 1
RECORD_EXP = True
"""
NEWEST = """\
[Streaming]
RESOLUTION = 960, 540
FRAMERATE = 50
OUTPUT_DIRECTORY = C:/Output
#a comment
CAMERA_SOURCE = 1
STREAMING_SOURCE = camera
CROP = True
CROP_X = 100, 500
CROP_Y = 20, 320

[Pose Estimation]
MODEL_ORIGIN = DLC-LIVE
MODEL_PATH = models/mouse , other
MODEL_NAME = Mouse Net
ALL_BODYPARTS = nose, neck, tailroot
FILTER_LIKELIHOOD = True
LIKELIHOOD_THRESHOLD = 0.8
HANDLE_MISSING = null

[Experiment]
EXP_ORIGIN = BASE
EXP_NAME = Mine
RECORD_EXP = False

[Classification]
PATH_TO_CLASSIFIER = PATH_TO_CLASSIFIER

[Video]
VIDEO_SOURCE = PATH_TO_VIDEO

[IPWEBCAM]
PORT = 5555
"""
HEAD = "[EXPERIMENT]\nBASE = {base}\nEXPERIMENTER = Ada\n\n"
CONDITIONAL = (
    HEAD.format(base="BaseConditionalExperiment")
    + """\
[BaseConditionalExperiment]
TRIGGER = {trigger}
PROCESS = BaseProtocolProcess
INTERTRIAL_TIME = 12
EXP_LENGTH = 7
EXP_TIME = 1200

[BaseProtocolProcess]
TYPE = {process}
STIMULATION = BaseStimulation

[BaseStimulation]
TYPE = NI
PORT = Dev1/PFI6
STIM_TIME = 2.5

[BaseRegionTrigger]
TYPE = circle
CENTER = 200, 150
RADIUS = 30
BODYPARTS = neck, nose

[BaseOutsideRegionTrigger]
TYPE = square
CENTER= 200, 150
RADIUS = 30
BODYPARTS = neck

[BaseHeaddirectionTrigger]
POINT= 300, 63
ANGLE = 25
BODYPARTS = nose, neck

[BaseEgoHeaddirectionTrigger]
ANGLE = 40
HEADDIRECTION = left
BODYPARTS = nose, neck, tailroot

[BaseScreenTrigger]
ANGLE = 60
DIRECTION = West
BODYPARTS = nose, neck

[BaseHeaddirectionROITrigger]
TYPE = circle
CENTER= 250, 63
RADIUS = 30
ROI_BODYPARTS = neck
POINT= 250, 63
ANGLE = 30
ANGLE_BODYPARTS = nose, neck

[BaseSpeedTrigger]
THRESHOLD = 2.6
BODYPARTS = any

[BaseFreezeTrigger]
THRESHOLD = 1
BODYPARTS = tailroot
"""
)
OPTOGENETIC = (
    HEAD.format(base="BaseOptogeneticExperiment")
    + """\
[BaseOptogeneticExperiment]
TRIGGER = BaseRegionTrigger
INTERTRIAL_TIME = 40
MAX_STIM_TIME = 11
MIN_STIM_TIME = 2
MAX_TOTAL_STIM_TIME = 300
EXP_TIME = 900

[BaseRegionTrigger]
TYPE = circle
CENTER = 200, 150
RADIUS = 30
BODYPARTS = neck
"""
)
TRIAL = (
    HEAD.format(base="BaseTrialExperiment")
    + """\
[BaseTrialExperiment]
TRIGGER = BaseScreenTrigger
INTERTRIAL_TIME = 41
TRIAL_NAME = Trial
TRIAL_TRIGGER = BaseRegionTrigger
TRIAL_TIME = 9
STIMULUS_TIME = 8
RESULT_FUNC = all
EXP_LENGTH = 33
EXP_COMPLETION = 21
EXP_TIME = 6000

[BaseScreenTrigger]
ANGLE = 60
DIRECTION = North
BODYPARTS = nose, neck

[BaseRegionTrigger]
TYPE = circle
CENTER = 200, 150
RADIUS = 30
BODYPARTS = neck
"""
)


def imported(folder: Path, text: str, config: str = "") -> tuple[Path, Experiment | None, str]:
    """The rig file, the experiment, and the notes as one text."""
    (folder / "settings.ini").write_text(text)
    own = folder / "mine.ini" if config else None
    if own:
        own.write_text(config)
    done = convert_setup(folder / "settings.ini", own, folder / "out")
    notes = "\n".join(f"{note.where} = {note.found}: {note.todo}" for note in done.notes)
    return done.rig, load_experiment(done.experiment) if done.experiment else None, notes


def file_without_network(file: Path) -> Path:
    """The network is still to be converted; a copy of the rig without it."""
    lines = file.read_text().splitlines(keepends=True)
    copy = file.with_name("rig.copy.yaml")
    copy.write_text("".join(line for line in lines if "pose:" not in line and "network:" not in line))
    return copy
