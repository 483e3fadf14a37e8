"""Sessions: video, tables, bag and summary of what a rig did, written as it happens. Only `ros` imports ROS."""

from dlstream_common.event_kinds import ACKNOWLEDGEMENT, COMMAND, FAULT, RECOVERED
from dlstream_recorder.metadata import SessionMetadata, Subject, merged, metadata_in, metadata_of
from dlstream_recorder.report.summary import (
    HOPS,
    CameraSummary,
    Latencies,
    Percentiles,
    Summary,
    read_session,
    summarise,
)
from dlstream_recorder.report.tracking import TrackingError
from dlstream_recorder.session._copies import FILES
from dlstream_recorder.session.offline import OfflineSession
from dlstream_recorder.session.recover import recover
from dlstream_recorder.session.session import Session, Status
from dlstream_recorder.settings import RecorderSettings, SessionSettings
from dlstream_recorder.writers._files import disk_of, write_error, write_json
from dlstream_recorder.writers._pose_table import PoseTable
from dlstream_recorder.writers.bag import Bag, Quality
from dlstream_recorder.writers.events import EVENT_COLUMNS, EventRow
from dlstream_recorder.writers.journal import DECISIONS, JOURNAL, read_lines

__all__ = [
    "ACKNOWLEDGEMENT",
    "COMMAND",
    "DECISIONS",
    "EVENT_COLUMNS",
    "FAULT",
    "FILES",
    "HOPS",
    "JOURNAL",
    "RECOVERED",
    "Bag",
    "CameraSummary",
    "EventRow",
    "Latencies",
    "OfflineSession",
    "Percentiles",
    "PoseTable",
    "Quality",
    "RecorderSettings",
    "Session",
    "SessionMetadata",
    "SessionSettings",
    "Status",
    "Subject",
    "Summary",
    "TrackingError",
    "disk_of",
    "merged",
    "metadata_in",
    "metadata_of",
    "read_lines",
    "read_session",
    "recover",
    "summarise",
    "write_error",
    "write_json",
]
