"""One line of an NI card, digital or analog: opened once, written often, and played by the card's own clock."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlstream_common.installing import pip_install
from dlstream_outputs.outputs._base import OutputError

NO_GRPC = f"server: it needs the library grpc, which is not installed: {pip_install('nidaqmx[grpc]')}"
_HALF_UP = 0.5 + 1e-6
"""Added to a number of ticks before it is rounded down; the millionth is for what a product of floats lacks."""


class NiLine:
    """A digital line or an analog channel.

    Args:
        channel: as NI names it: Dev1/port0/line0, or Dev1/ao0.
        volts: least and greatest voltage that is ever written, for an analog channel.
        server: host:port of an NI gRPC Device Server that has the card; empty: it is in this computer.
    """

    def __init__(self, channel: str, volts: tuple[float, float], server: str = "") -> None:
        self.is_analog = "/ao" in channel.lower()
        self._channel, self._volts, self._server = channel, volts, server
        self._task: Any = None
        self._connection: Any = None
        self._device: Any = None
        self._timed = False

    def open(self) -> None:
        """Reserves the line and writes 0 to it.

        Raises:
            OutputError: no driver, no such card or line, or another program has it.
        """
        try:
            self._reserve()
            self.write(0.0)
        except OutputError:
            self._release()
            raise

    def _reserve(self) -> None:
        import nidaqmx
        from nidaqmx.constants import LineGrouping

        with self._told():
            options: dict[str, Any] = {}
            name = f"dlstream-{uuid.uuid4().hex}"  # on a server, names of tasks must differ
            if self._server:
                try:
                    import grpc
                except ImportError as error:
                    raise OutputError(NO_GRPC) from error
                self._connection = grpc.insecure_channel(self._server)
                options["grpc_options"] = nidaqmx.GrpcSessionOptions(self._connection, name)
            self._task = nidaqmx.Task(name, **options)
            if self.is_analog:
                low, high = self._volts
                self._task.ao_channels.add_ao_voltage_chan(self._channel, min_val=min(low, 0.0), max_val=max(high, 0.0))
            else:
                self._task.do_channels.add_do_chan(self._channel, line_grouping=LineGrouping.CHAN_PER_LINE)
            self._device = self._identified(options)

    def _identified(self, options: Mapping[str, Any]) -> Any:
        """The card, if it tells its serial number; None where the driver can't say it of this one."""
        import nidaqmx.errors
        from nidaqmx.system.device import Device

        device = Device(self._channel.partition("/")[0], **options)
        try:
            _ = device.serial_num
        except nidaqmx.errors.Error:
            return None
        return device

    def answers(self) -> None:
        """Asks whether the card is still there; changes nothing on it.

        Of a line that its clock plays the driver knows by its task. One that is simply on has no transfer that could
        fail: there it is asked for a property of the card, which it has only of a device that is present.

        Raises:
            OutputError: it is not, or its server is gone.
        """
        task, device = self._task, self._device
        if task is None:
            return
        with self._told():
            task.is_task_done()
            if device is not None:
                _ = device.serial_num

    def write(self, value: float) -> None:
        """Sets the line now and until the next call; ends what it was playing.

        Args:
            value: volts of an analog channel; of a digital line, 0 is low and all else high.

        Raises:
            OutputError: the driver refuses, or the card is gone.
        """
        if self._task is None:
            return
        from nidaqmx.constants import SampleTimingType

        with self._told():
            if self._timed:
                self._task.stop()
                self._task.timing.samp_timing_type = SampleTimingType.ON_DEMAND
                self._timed = False
            self._task.write(value if self.is_analog else bool(value), auto_start=True)

    def play(self, values: NDArray[np.float64], rate: float) -> None:
        """Starts the card's clock: it puts out these values by itself, whatever becomes of this computer.

        Args:
            values: one a tick: (ticks,), as `write` takes them; the last one stays, so it should be 0.
            rate: ticks a second.

        Raises:
            OutputError: as `write`; or the line has no clock, as most USB devices of the low-cost series.
        """
        from nidaqmx.constants import AcquisitionType

        samples = values.tolist() if self.is_analog else values.astype(bool).tolist()
        with self._told():
            self._task.stop()
            self._timed = True
            self._task.timing.cfg_samp_clk_timing(rate, sample_mode=AcquisitionType.FINITE, samps_per_chan=len(samples))
            self._task.write(samples, auto_start=False)
            self._task.start()

    def close(self) -> None:
        """Writes 0 if the card still answers, and gives the line back."""
        try:
            if self._task is not None:
                self.write(0.0)
        finally:
            self._release()

    def _release(self) -> None:
        task, connection = self._task, self._connection
        self._task = self._connection = self._device = None
        with suppress(OutputError), self._told():
            if task is not None:
                task.close()
        if connection is not None:
            connection.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """NI's errors as ours: what it says, and what to do."""
        import nidaqmx.errors

        try:
            yield
        except (nidaqmx.errors.DaqNotFoundError, nidaqmx.errors.DaqNotSupportedError) as error:
            raise OutputError(
                "found no NI-DAQmx driver on this computer; install it from ni.com/downloads (the Python package is "
                "not enough), or name the computer that has the card: server: HOST:PORT"
            ) from error
        except nidaqmx.errors.RpcError as error:
            raise OutputError(f"server: {self._server}: {_line(error)}; is NI's gRPC Device Server there?") from error
        except (nidaqmx.errors.Error, OSError) as error:
            raise OutputError(f"channel: {self._channel}: {_line(error)}") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def pulses(
    width: float,
    period: float,
    count: int,
    burst: int,
    burst_period: float,
    delay: float,
    rate: float,
    high: float,
) -> NDArray[np.float64]:
    """The ticks of a train of pulses: (ticks,), `high` within a pulse and 0 elsewhere, at the end too.

    Args:
        width, period, burst_period, delay: seconds. Each edge is rounded to a tick by itself, so that none drifts;
            half a tick always up, so that no pulse and no gap of a tick or more is lost.
        count: of all pulses; `burst`: pulses in a burst.
        rate: ticks a second.
    """
    bursts, within = np.divmod(np.arange(count), burst)
    starts = delay + (bursts * burst_period if burst < count else 0.0) + (within * period if burst > 1 else 0.0)
    starts = np.broadcast_to(starts, (count,))
    begins, ends = (np.floor(edges * rate + _HALF_UP).astype(int) for edges in (starts, starts + width))
    result = np.zeros(int(ends[-1]) + 1)
    for begin, end in zip(begins, ends, strict=True):
        result[begin:end] = high
    return result
