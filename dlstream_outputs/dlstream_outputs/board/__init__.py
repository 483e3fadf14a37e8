"""The board that runs dlstream's own firmware: its lines, the link to it, its clock, and who uses which pin. No ROS."""

from dlstream_outputs.board.board import PATIENT, Board
from dlstream_outputs.board.errors import BoardError
from dlstream_outputs.board.finding import claim, exclusive_pin, release, same_board
from dlstream_outputs.board.pins import BoardEvent, Line

__all__ = ["PATIENT", "Board", "BoardError", "BoardEvent", "Line", "claim", "exclusive_pin", "release", "same_board"]
