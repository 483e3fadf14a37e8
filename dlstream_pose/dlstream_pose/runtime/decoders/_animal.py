"""Joints, links between pairs of them, and the animals that the links form."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple


class Joint(NamedTuple):
    """A place where a keypoint may be; `number` counts all joints of an image."""

    x: float
    y: float
    confidence: float
    keypoint: int
    number: int


@dataclass(frozen=True, eq=False)
class Link:
    """Two joints that may belong to one animal, and the evidence for it."""

    first: Joint
    second: Joint
    affinity: float

    @property
    def ends(self) -> tuple[int, int]:
        """The numbers of the two."""
        return self.first.number, self.second.number


class Animal:
    """Joints of different keypoints, and the links between them."""

    def __init__(self, joints: Iterable[Joint] = ()) -> None:
        self.joints: dict[int, Joint] = {}
        self.indices: set[int] = set()
        self.links: list[Link] = []
        self.affinity = 0.0
        for joint in joints:
            self._take(joint)

    def add(self, link: Link) -> bool:
        """Adds a link's joints; False if none was new."""
        first, second = link.first, link.second
        if first.number in self.indices and second.number in self.indices:
            self._count(link)
            return False
        if first.keypoint in self.joints and second.keypoint in self.joints:
            return False
        self._take(first)
        self._take(second)
        self._count(link)
        return True

    def shares(self, other: Animal) -> bool:
        """Whether both have one of the keypoints."""
        return not self.joints.keys().isdisjoint(other.joints)

    def swallow(self, other: Animal) -> None:
        """Merges the links of both into this one."""
        both = Animal()
        for link in self.links + other.links:
            both.add(link)
        self.joints, self.indices, self.links, self.affinity = both.joints, both.indices, both.links, both.affinity

    def overlap(self, other: Animal) -> float:
        """How much of the one lies in the rectangle that both share, at least, from 0 to 1."""
        boxes = [one.box for one in (self, other)]
        left, top = (max(box[side] for box in boxes) for side in (0, 1))
        right, bottom = (min(box[side] for box in boxes) for side in (2, 3))
        if right < left or bottom < top:
            return 0.0
        return min(
            sum(left <= joint.x <= right and top <= joint.y <= bottom for joint in one.joints.values())
            / len(one.joints)
            for one in (self, other)
        )

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom."""
        x = [joint.x for joint in self.joints.values()]
        y = [joint.y for joint in self.joints.values()]
        return min(x), min(y), max(x), max(y)

    def _take(self, joint: Joint) -> None:
        if joint.keypoint not in self.joints:
            self.joints[joint.keypoint] = joint
            self.indices.add(joint.number)

    def _count(self, link: Link) -> None:
        self.affinity += link.affinity
        self.links.append(link)


Lookup = defaultdict[int, dict[int, Link]]


def join(links: list[Link], keypoints: int, animals: int) -> list[Animal]:
    """Animals from links: first those that are complete beyond doubt, then the strongest links with what fits them."""
    lookup: Lookup = defaultdict(dict)
    for link in links:
        first, second = link.ends
        lookup[first][second] = lookup[second][first] = link
    found: list[Animal] = []
    taken: set[int] = set()
    for group in _groups(links):
        if len(group) == keypoints:
            animal = Animal()
            for link in links:
                first, second = link.ends
                if first < second and first in group and animal.add(link):
                    _forget(lookup, link)
            taken |= animal.indices
            found.append(animal)
    if len(found) == animals:
        return found
    for link in sorted(links, key=lambda one: one.affinity, reverse=True):
        if taken.isdisjoint(link.ends):
            animal = Animal()
            animal.add(link)
            _grow(animal, lookup, taken, keypoints)
            for used in animal.links:
                _forget(lookup, used)
            taken |= animal.indices
            found.append(animal)
    if len(found) > animals:
        _fuse(found, links, keypoints)
    for animal in found:
        if len(animal.joints) != keypoints:
            _grow(animal, lookup, taken, keypoints)
            taken |= animal.indices
    return found


def _groups(links: list[Link]) -> list[set[int]]:
    """Groups of joints that links connect."""
    neighbours: dict[int, list[int]] = defaultdict(list)
    for link in links:
        first, second = link.ends
        neighbours[first].append(second)
        neighbours[second].append(first)
    groups: list[set[int]] = []
    seen: set[int] = set()
    for start in neighbours:
        if start not in seen:
            group, open_ends = {start}, [start]
            while open_ends:
                new = [end for end in neighbours[open_ends.pop()] if end not in group]
                group.update(new)
                open_ends += new
            seen |= group
            groups.append(group)
    return groups


def _forget(lookup: Lookup, link: Link) -> None:
    first, second = link.ends
    lookup[first].pop(second, None)
    lookup[second].pop(first, None)


def _grow(animal: Animal, lookup: Lookup, taken: set[int], keypoints: int) -> None:
    """Repeatedly adds the strongest link that extends the animal."""
    stack: list[tuple[float, int, Link]] = []
    visited: set[tuple[int, int]] = set()
    number = count()

    def offer(index: int) -> None:
        for other, link in lookup[index].items():
            if other not in animal.indices and link.ends not in visited:
                heappush(stack, (-link.affinity, next(number), link))
                visited.add(link.ends)

    for index in animal.indices:
        offer(index)
    while stack and len(animal.joints) < keypoints:
        link = heappop(stack)[2]
        first, second = link.ends
        if first in animal.indices:
            new = second
        elif second in animal.indices:
            new = first
        else:
            continue
        if new not in taken:
            animal.add(link)
            offer(new)


def _fuse(found: list[Animal], links: list[Link], keypoints: int) -> None:
    """If there are too many animals, leftover links join incomplete ones."""
    owner = {index: animal for animal in found if len(animal.joints) != keypoints for index in animal.indices}
    used = {id(link) for animal in found for link in animal.links}
    for link in links:
        if id(link) in used:
            continue
        first, second = (owner.get(index) for index in link.ends)
        if first is None or second is None or second.shares(first):
            continue
        first.swallow(second)
        found[:] = [animal for animal in found if animal is not second]
        owner |= dict.fromkeys(second.indices, first)
