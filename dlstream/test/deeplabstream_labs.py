"""The DeepLabStream folders of four labs, with all the keys that its own files have."""

from __future__ import annotations

from pathlib import Path

_UNUSED = """\
[Classification]
PATH_TO_CLASSIFIER = PATH_TO_CLASSIFIER
TIME_WINDOW = 15
POOL_SIZE = 1
THRESHOLD = 0.9
TRIGGER = 0
PIXPERMM = 1

[Video]
VIDEO_SOURCE = PATH_TO_VIDEO

[IPWEBCAM]
PORT = 5555
"""
_ADVANCED = """\
[Streaming]
STREAMS = {streams}
MULTIPLE_DEVICES = {several}
STACK_FRAMES = False
PASS_SEPARATE = False
ANIMALS_NUMBER = {animals}

CROP = {crop}
CROP_X = 100, 1124
CROP_Y = 0, 1000

[Pose Estimation]
FLATTEN_MA = FALSE
SPLIT_MA = FALSE
HANDLE_MISSING = {missing}
FILTER_LIKELIHOOD = True
LIKELIHOOD_THRESHOLD = 0.9
USE_DLSTREAM_POSTURE_DETECTION = FALSE

[Video]
REPEAT_VIDEO = True
"""


def optogenetics(folder: Path) -> tuple[Path, Path | None]:
    """A RealSense, DeepLabCut, light at an NI card while the head points somewhere."""
    _write(
        folder / "settings.ini",
        """\
[Streaming]
RESOLUTION = 848, 480
FRAMERATE = 30
#put in the path to your outputfolder
OUTPUT_DIRECTORY = D:/DLStream/Output
CAMERA_SOURCE = realsense
STREAMING_SOURCE = camera

[Pose Estimation]
MODEL_ORIGIN = DLC
MODEL_PATH = D:\\DeepLabCut\\pose_estimation
MODEL_NAME = DLC_openfield_resnet50
ALL_BODYPARTS = snout, neck, tailbase

[Experiment]
EXP_ORIGIN = BASE
EXP_NAME = opto_cohort3
RECORD_EXP = True

"""
        + _UNUSED,
    )
    advanced = {"streams": "color, depth, infrared", "several": "False", "animals": 1, "crop": "False"}
    _write(folder / "utils" / "advanced_settings.ini", _ADVANCED.format(**advanced, missing="skip"))
    _write(
        folder / "experiments" / "configs" / "opto_cohort3.ini",
        """\
[EXPERIMENT]
BASE = BaseOptogeneticExperiment
EXPERIMENTER = Ada

[BaseOptogeneticExperiment]
TRIGGER = BaseHeaddirectionTrigger
INTERTRIAL_TIME = 15
MAX_STIM_TIME = 5
MIN_STIM_TIME = 1
MAX_TOTAL_STIM_TIME = 600
EXP_TIME = 1800
PROCESS = BaseProtocolProcess

[BaseHeaddirectionTrigger]
POINT = 550, 63
ANGLE = 30
BODYPARTS = snout, neck
DEBUG = False

[BaseProtocolProcess]
TYPE = switch
STIMULATION = BaseStimulation

[BaseStimulation]
TYPE = NI
IP = None
PORT = Dev1/PFI6
STIM_TIME = 3.5
""",
    )
    return folder / "settings.ini", None  # found beside it, as DeepLabStream does


def rewards(folder: Path) -> tuple[Path, Path | None]:
    """Two Basler cameras, several animals, a dispenser at a Raspberry Pi in the network."""
    _write(
        folder / "settings.ini",
        """\
[Streaming]
RESOLUTION = 1280, 1024
FRAMERATE = 60
OUTPUT_DIRECTORY = results
CAMERA_SOURCE = basler
STREAMING_SOURCE = camera

[Pose Estimation]
MODEL_ORIGIN = SLEAP
MODEL_PATH = /models/baseline_model.centroids , /models/baseline_model.topdown
MODEL_NAME = two_mice
ALL_BODYPARTS = snout, neck, tailbase

[Experiment]
EXP_ORIGIN = BASE
EXP_NAME = reward
RECORD_EXP = False

"""
        + _UNUSED,
    )
    advanced = {"streams": "color", "several": "True", "animals": 2, "crop": "True"}
    _write(folder / "utils" / "advanced_settings.ini", _ADVANCED.format(**advanced, missing="pass"))
    _write(
        folder / "reward.ini",
        """\
[EXPERIMENT]
BASE = BaseConditionalExperiment
EXPERIMENTER = Max

[BaseConditionalExperiment]
TRIGGER = BaseRegionTrigger
PROCESS = BaseProtocolProcess
INTERTRIAL_TIME = 20
EXP_LENGTH = 30
EXP_TIME = 1800

[BaseRegionTrigger]
TYPE = square
CENTER= 450, 500
RADIUS = 80
BODYPARTS = snout, neck
DEBUG = True

[BaseProtocolProcess]
TYPE= supply
STIMULATION = RewardDispenser

[RewardDispenser]
TYPE = RASP_NETWORK
IP = 192.168.1.20
STIM_PORT = GPIO17
REMOVAL_PORT = GPIO27
STIM_TIME = 0.4
REMOVAL_TIME = 1.5
""",
    )
    return folder / "settings.ini", folder / "reward.ini"


def light_in_the_network(folder: Path) -> tuple[Path, Path | None]:
    """Light at a Raspberry Pi in the network while the animal is somewhere, again and again."""
    _write(
        folder / "settings.ini",
        """\
[Streaming]
RESOLUTION = 640, 480
FRAMERATE = 30
OUTPUT_DIRECTORY = results
CAMERA_SOURCE = 0
STREAMING_SOURCE = camera

[Pose Estimation]
MODEL_ORIGIN = DLC
MODEL_PATH = /models
MODEL_NAME = one_mouse
ALL_BODYPARTS = snout, neck, tailbase

[Experiment]
EXP_ORIGIN = BASE
EXP_NAME = light
RECORD_EXP = True

"""
        + _UNUSED,
    )
    _write(
        folder / "experiments" / "configs" / "light.ini",
        """\
[EXPERIMENT]
BASE = BaseConditionalExperiment
EXPERIMENTER = Mia

[BaseConditionalExperiment]
TRIGGER = BaseRegionTrigger
PROCESS = BaseProtocolProcess
INTERTRIAL_TIME = 20
EXP_LENGTH = 10
EXP_TIME = 1800

[BaseRegionTrigger]
TYPE = circle
CENTER= 300, 200
RADIUS = 60
BODYPARTS = neck
DEBUG = False

[BaseProtocolProcess]
TYPE= switch
STIMULATION = BaseStimulation

[BaseStimulation]
TYPE = RASP_NETWORK
IP = 192.168.1.21
PORT = GPIO17
""",
    )
    return folder / "settings.ini", None


def pictures(folder: Path, picture: str) -> tuple[Path, Path | None]:
    """An IP camera, DeepLabCut-Live, and pictures on a screen for trials that the animal starts."""
    _write(
        folder / "settings.ini",
        """\
[Streaming]
RESOLUTION = 640, 480
FRAMERATE = 30
OUTPUT_DIRECTORY = C:\\Users\\lab\\Desktop\\out
CAMERA_SOURCE = 0
STREAMING_SOURCE = ipwebcam

[Pose Estimation]
MODEL_ORIGIN = DLC-LIVE
MODEL_PATH = C:\\models\\exported_dlc
MODEL_NAME = mouse_live
ALL_BODYPARTS = snout, neck, tailbase

[Experiment]
EXP_ORIGIN = BASE
EXP_NAME = screen_trials
RECORD_EXP = True

"""
        + _UNUSED,
    )
    _write(
        folder / "experiments" / "configs" / "screen_trials.ini",
        f"""\
[EXPERIMENT]
BASE = BaseTrialExperiment
EXPERIMENTER = Eve

[BaseTrialExperiment]
TRIGGER = BaseScreenTrigger
PROCESS = BaseProtocolProcess
INTERTRIAL_TIME = 30
TRIAL_NAME = Trial
TRIAL_TRIGGER = BaseRegionTrigger
TRIAL_TIME = 8
STIMULUS_TIME = 6
RESULT_FUNC = any
EXP_LENGTH = 20
EXP_COMPLETION = 15
EXP_TIME = 3600

[BaseScreenTrigger]
ANGLE = 45
DIRECTION = East
BODYPARTS = snout, neck
DEBUG = False

[BaseRegionTrigger]
TYPE = circle
CENTER= 500, 240
RADIUS = 60
BODYPARTS = neck
DEBUG = False

[BaseProtocolProcess]
TYPE = trial
STIMULATION = ScreenStimulation

[ScreenStimulation]
TYPE = image
STIM_PATH = {picture}
BACKGROUND_PATH = PATH_TO_BACKGROUND
""",
    )
    return folder / "settings.ini", None


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
