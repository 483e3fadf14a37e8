"""What `identity.py` computes for a frame, animal by animal; the rules are described there."""

from __future__ import annotations

from math import exp, inf, log, nan, sqrt
from typing import Any

from dlstream_common.compiled import (
    FLOAT,
    FLOAT_BLOCK,
    FLOAT_ROWS,
    INTS,
    READ_ONLY_SINGLE_BLOCK,
    SINGLE_BLOCK,
    compiled,
    inner,
)

CENTRE_X, CENTRE_Y, VX, VY, LENGTH, KNOWN, UNSEEN, RISK = range(8)
"""The columns of a place: the animal's centre, velocity and length of body (0: not known), whether there was one (0 or
1), the seconds since it was seen, and the risk."""
COLUMNS = 8

SEEN = 0.1
"""A keypoint counts from this confidence on."""
_STILL = 0.1
"""How far a seen animal may be from where it is expected, in lengths of its body: standard deviation at once, ..."""
_MOVING = 2.0
"""... and how much each second out of sight adds."""
_GATE = 4.0
"""Beyond this many standard deviations, a pose belongs to another animal, if there is a candidate."""
_STARTLE = 16.0
"""Up to this many it is rather an animal that was seen in the last frame than one that was never seen."""
_LENGTH = 50.0
"""Pixels that stand for the length of a body as long as no two of its keypoints were seen at once."""
_COASTING = 0.3
"""Seconds for which an animal that isn't seen is expected to keep moving; its velocity fades over this time."""
_SMOOTHING = 0.1
"""Seconds over which the velocity is averaged."""
_STARTLED, _UNUSED, _NOWHERE = 8e4, 1e5, 1e6
"""What a place that doesn't fit costs. Two of the first cost more than one of the second, so that no two animals leave
their places where one of them may have started, the other from an unused one."""
_FORGETTING = 1.0
"""Seconds in which the risk of an earlier encounter falls to 1/e."""


@inner
def _take_up(pose: Any, points: Any) -> int:
    """The keypoints that are seen, and how many; NaN for the others."""
    count = 0
    for k in range(len(pose)):
        if pose[k, 2] >= SEEN and abs(pose[k, 0] + pose[k, 1]) < inf:
            points[k, 0], points[k, 1] = pose[k, 0], pose[k, 1]
            count += 1
        else:
            points[k, 0], points[k, 1] = nan, nan
    return count


@inner
def _centre(points: Any) -> tuple[float, float]:
    """The mean of the keypoints that are seen."""
    x = y = 0.0
    count = 0
    for k in range(len(points)):
        if points[k, 0] == points[k, 0]:
            x += points[k, 0]
            y += points[k, 1]
            count += 1
    return x / count, y / count


@inner
def _apart(points: Any, last: Any, place: Any) -> float:
    """The mean squared distance (px²) of an animal from where a known one is expected.

    Over the keypoints seen of both; between the centres if there are none.
    """
    coasted = _COASTING * (1 - exp(-place[UNSEEN] / _COASTING))
    going_x, going_y = place[VX] * coasted, place[VY] * coasted
    total, count = 0.0, 0
    for k in range(len(points)):
        x, y = points[k, 0] - (last[k, 0] + going_x), points[k, 1] - (last[k, 1] + going_y)
        if x == x:
            total += x * x + y * y
            count += 1
    if count:
        return total / count
    centre_x, centre_y = _centre(points)
    x, y = centre_x - (place[CENTRE_X] + going_x), centre_y - (place[CENTRE_Y] + going_y)
    return x * x + y * y


@inner
def _risk(costs: Any, gains: Any, rows: Any, places: Any, place: int) -> float:
    """How likely the best swap with another place is, compared with the assignment.

    2 / (1 + likelihood ratio): 1 if both are equally likely, 0 if there is no other place. It is also 1 for an animal
    that had to take a place that doesn't fit.
    """
    row = rows[place]
    risk = places[place, RISK] if gains[row, place] > -_STARTLED else 1.0
    for other in range(len(rows)):
        if other == place or places[other, KNOWN] == 0 or (rows[other] < 0 and gains[row, other] <= -_STARTLED):
            continue
        change = costs[row, other] - costs[row, place]
        if rows[other] >= 0:
            change += costs[rows[other], place] - costs[rows[other], other]
        risk = max(risk, 2 / (1 + exp(min(max(change, 0.0), 700.0))))
    return risk


@inner
def _remember(points: Any, last: Any, place: Any) -> None:
    """Updates what is known about an animal."""
    drift_x = drift_y = extent_x = extent_y = 0.0
    count = seen = 0
    place[CENTRE_X], place[CENTRE_Y] = _centre(points)
    for k in range(len(points)):
        if points[k, 0] == points[k, 0]:
            seen += 1
            extent_x = max(extent_x, abs(points[k, 0] - place[CENTRE_X]))
            extent_y = max(extent_y, abs(points[k, 1] - place[CENTRE_Y]))
            if last[k, 0] == last[k, 0]:  # the centre jumps where a keypoint appears or is lost
                drift_x += points[k, 0] - last[k, 0]
                drift_y += points[k, 1] - last[k, 1]
                count += 1
        last[k, 0], last[k, 1] = points[k, 0], points[k, 1]
    unseen = place[UNSEEN]
    if count and unseen > 0:
        weight = 1 - exp(-unseen / _SMOOTHING)
        place[VX] += weight * (drift_x / (count * unseen) - place[VX])
        place[VY] += weight * (drift_y / (count * unseen) - place[VY])
    if seen > 1:  # a keypoint alone says nothing about the length
        length = 2 * sqrt(extent_x * extent_x + extent_y * extent_y)
        place[LENGTH] = max(length, max(0.98 * place[LENGTH], 1.0))
    place[KNOWN], place[UNSEEN] = 1.0, 0.0


@inner
def _misfit(place: Any) -> float:
    return -(_NOWHERE - min(place[UNSEEN], 100.0) * 1e3)


@inner
def _keep_own(gains: Any, row: int, places: Any) -> None:
    """Lets no other animal have started from the place that fits this one best: it would have to leave it."""
    own = -1
    for j in range(len(places)):
        if gains[row, j] > -_STARTLED and (own < 0 or gains[row, j] > gains[row, own]):
            own = j
    if own < 0:
        return
    for other in range(len(gains)):
        if -_UNUSED < gains[other, own] <= -_STARTLED:
            gains[other, own] += _misfit(places[own]) + _STARTLED


@compiled(READ_ONLY_SINGLE_BLOCK, FLOAT, FLOAT_BLOCK, FLOAT_ROWS, INTS, FLOAT_BLOCK, FLOAT_ROWS, FLOAT_ROWS)
def compare(poses: Any, step: float, last: Any, places: Any, found: Any, points: Any, costs: Any, gains: Any) -> None:
    """The evidence for each animal of a frame in each place.

    Args:
        poses: (N, K, 3): x, y, confidence.
        step: seconds since the last frame.
        last: (individuals, K, 2): the keypoints of each place when it was last seen.
        places: (individuals, columns).
        found: (individuals,): filled in with those of the poses that are seen (a network may find more than it says),
            -1 where there are no more. Of each of them a row of the following is filled in.
        points: (individuals, K, 2): its keypoints.
        costs: (individuals, individuals): minus the log-likelihood in each place that is known.
        gains: as large; what is to be as much as possible for all together: most by a known place that fits, then one
            seen in the last frame that an animal which starts suddenly can have left (-_STARTLED; not one that fits
            another animal best), then an unused one (-_UNUSED), then the one that has been lost for longest.
            However far away, a nearer one counts more.
    """
    for j in range(len(places)):
        places[j, UNSEEN] += step
        places[j, RISK] *= exp(-step / _FORGETTING)
    found[:] = -1
    row = 0
    for i in range(len(poses)):
        if row < len(found) and _take_up(poses[i], points[row]):
            found[row] = i
            row += 1
    for i in range(row):
        for j in range(len(places)):
            if places[j, KNOWN] == 0:
                gains[i, j] = -_UNUSED
                continue
            distance = _apart(points[i], last[j], places[j])
            length = places[j, LENGTH] if places[j, LENGTH] > 0 else _LENGTH
            deviation = (_STILL + _MOVING * places[j, UNSEEN]) * length
            variance = deviation * deviation
            costs[i, j] = distance / (2 * variance) + log(variance)
            bounded = 900 * (costs[i, j] / (costs[i, j] + 900))  # so that no cost leads into another range
            if distance <= _GATE * _GATE * variance:
                gains[i, j] = -costs[i, j]
            elif places[j, UNSEEN] <= step and distance <= _STARTLE * _STARTLE * variance:
                gains[i, j] = -_STARTLED - bounded
            else:
                gains[i, j] = _misfit(places[j]) - bounded
    for i in range(row):
        _keep_own(gains[:row], i, places)


@compiled(
    *(READ_ONLY_SINGLE_BLOCK, FLOAT_BLOCK, FLOAT_ROWS, INTS, FLOAT_BLOCK, FLOAT_ROWS, FLOAT_ROWS, INTS, SINGLE_BLOCK)
)
def settle(
    poses: Any,
    last: Any,
    places: Any,
    found: Any,
    points: Any,
    costs: Any,
    gains: Any,
    rows: Any,
    ordered: Any,
) -> None:
    """Puts the animals into their places.

    Args:
        poses, last, places, found, points, costs, gains: as `compare` left them.
        rows: (individuals,): the row of each place; -1: not seen.
        ordered: (individuals, K, 3), filled in.
    """
    for j in range(len(rows)):
        if rows[j] >= 0 and places[j, KNOWN] == 1:
            places[j, RISK] = _risk(costs, gains, rows, places, j)
    for j in range(len(rows)):
        if rows[j] < 0:
            ordered[j, :, :2], ordered[j, :, 2] = nan, 0.0
            continue
        for k in range(ordered.shape[1]):
            for part in range(3):
                ordered[j, k, part] = poses[found[rows[j]], k, part]
        if places[j, KNOWN] == 1 and gains[rows[j], j] <= -_UNUSED:
            # It is another animal than the lost one, so nobody moved from there to here. The length of the body stays:
            # with only a keypoint of the new one in sight, nothing else says how far it may be from there next.
            last[j, :, :] = nan
            places[j, VX], places[j, VY] = 0.0, 0.0
        _remember(points[rows[j]], last[j], places[j])
