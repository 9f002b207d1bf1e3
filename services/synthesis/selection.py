"""Which candidates make up a set. Tasks may finish in any order: what is kept follows from the candidates alone.

Every class has its candidates in a line. They are given out in order, in shares of a task's size, never more than
images are still missing; so what a task stores is needed, unless a filter of the whole set refuses it later. What comes
back is looked at in order.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthoscope.api.synthesis.v1.synthesis_pb2 import GenerationOptions, GenerationTally

TASK_IMAGES = 128
"""Candidates of one task; a multiple of the chunk that goes through the network."""

TRIES = 4
"""Candidates that may be made for an image that is asked for, before what the discriminator's share refuses."""

SYNTHETIC_COPY = "synthetic_copy"


@dataclass(frozen=True)
class Share:
    """One task's candidates of a label: those with indices [first, first + count)."""

    label: str
    first: int
    count: int


class Judged(NamedTuple):
    """A candidate: the filter that refused it, or "" and what was stored: digest, bytes, and side in pixels."""

    candidate: int
    refused: str
    sha256: str = ""
    size_bytes: int = 0
    side: int = 0


class Judgement(NamedTuple):
    """What a task made of a share.

    `thumbnails`, uint8 N×96×96, are of the candidates that were not refused, if asked for; `threshold` is the least
    discriminator score, if there is one.
    """

    judged: list[Judged]
    thumbnails: NDArray[np.uint8] | None = None
    threshold: float | None = None


REPEATS_TOGETHER = 16
"""Candidates that are compared with earlier ones at a time. Fixed, so that it depends on nothing else."""

Repeated = Callable[[NDArray[np.uint8]], Collection[int]]
"""Which of some thumbnails, uint8 N×96×96, are near-copies of each other's predecessors, or of any it had before."""


@dataclass
class Line:
    """A class's candidates, [position, end) of which are still to be looked at."""

    label: str
    asked: int
    passed_over: int
    end: int
    position: int = 0
    given_out: int = 0
    kept: list[Judged] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    threshold: float | None = None
    waiting: dict[int, Judgement] = field(default_factory=dict)
    undecided: list[tuple[Judged, NDArray[np.uint8]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.position = self.given_out = self.passed_over

    @property
    def done(self) -> bool:
        """Whether it has all that was asked for, or all that it may have."""
        return len(self.kept) == self.asked or (self.position == self.end and not self.undecided)

    def next_share(self) -> Share | None:
        """The next candidates to make, as far as they are sure to be needed."""
        missing = self.asked - len(self.kept) - len(self.undecided) - (self.given_out - self.position)
        count = min(TASK_IMAGES, missing, self.end - self.given_out)
        if count <= 0:
            return None
        share = Share(self.label, self.given_out, count)
        self.given_out += count
        return share

    def look(self, repeated: Repeated | None) -> list[Judged]:
        """Looks at what has come back and is next in order; returns what is kept because of it."""
        before = len(self.kept)
        while self.position in self.waiting:
            judgement = self.waiting.pop(self.position)
            self.threshold = judgement.threshold
            thumbnails = iter(() if judgement.thumbnails is None else judgement.thumbnails)
            for judged in judgement.judged:
                self.position += 1
                if judged.refused:
                    self.refused[judged.refused] += 1
                elif repeated is None:
                    self.kept.append(judged)
                else:
                    self.undecided.append((judged, next(thumbnails)))
                if repeated is not None and self._must_decide():
                    self._decide(repeated)
        return self.kept[before:]

    def _must_decide(self) -> bool:
        """Whether there are enough candidates to compare, or none left to wait for: it depends on nothing but them."""
        waiting = len(self.undecided)
        return waiting == REPEATS_TOGETHER or len(self.kept) + waiting == self.asked or self.position == self.end

    def _decide(self, repeated: Repeated) -> None:
        if not self.undecided:
            return
        repeats = repeated(np.stack([thumbnail for _, thumbnail in self.undecided]))
        self.refused[SYNTHETIC_COPY] += len(repeats)
        self.kept += [judged for place, (judged, _) in enumerate(self.undecided) if place not in repeats]
        self.undecided.clear()

    def tally(self) -> GenerationTally:
        """What became of its candidates."""
        return GenerationTally(
            asked=self.asked,
            made=self.position - self.passed_over,
            refused=self.refused,
            kept=len(self.kept),
            passed_over=self.passed_over,
            discriminator_threshold=self.threshold,
        )


class Selection:
    """The lines of a request, by label. With `repeated`, one line after the other: a set's images are in an order."""

    def __init__(self, counts: Mapping[str, int], options: GenerationOptions, repeated: Repeated | None = None) -> None:
        self.lines = {label: _line(label, counts[label], options) for label in sorted(counts)}
        self._repeated = repeated

    @property
    def done(self) -> bool:
        """Whether nothing more is to be made."""
        return all(line.done for line in self.lines.values())

    @property
    def kept(self) -> int:
        """Images of the set so far."""
        return sum(len(line.kept) for line in self.lines.values())

    @property
    def refused(self) -> Counter[str]:
        """Candidates that each filter refused so far."""
        return sum((line.refused for line in self.lines.values()), Counter())

    def next_share(self) -> Share | None:
        """The next candidates to make; None while that depends on others, or when it is done."""
        for line in self.lines.values():
            share = line.next_share()
            if share or (self._repeated is not None and not line.done):
                return share
        return None

    def take(self, share: Share, judgement: Judgement) -> list[Judged]:
        """Takes what a task made of a share; returns what is kept because of it."""
        line = self.lines[share.label]
        line.waiting[share.first] = judgement
        return line.look(self._repeated)

    def tallies(self) -> dict[str, GenerationTally]:
        """What became of the candidates of each label."""
        return {label: line.tally() for label, line in self.lines.items()}

    def images(self) -> Iterator[tuple[str, Judged]]:
        """The labels and images of the set, in its order: by label, then by candidate."""
        for label, line in self.lines.items():
            for judged in line.kept:
                yield label, judged


def _line(label: str, asked: int, options: GenerationOptions) -> Line:
    passed_over = math.ceil(asked / options.keep_last) - asked if options.keep_last else 0
    most = math.ceil(TRIES * asked / (options.filters.discriminator_share or 1.0))
    return Line(label, asked, passed_over, passed_over + max(most, TASK_IMAGES))
