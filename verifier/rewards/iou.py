"""``iou``: do the boxes of the answer cover those of the reference? 0 to 1.

``reference: {"boxes": [[x1, y1, x2, y2], …], "labels": ["cat", …]?}``. The answer is JSON: one box, a list of
boxes, or a list of objects with ``bbox_2d`` (or ``box``, ``bbox``) and ``label``.

- ``iou``: intersection over union of the one box asked for, or the mean over several, each reference box with
  the best unused box of its label; boxes too many count as misses.
- ``threshold``: 1 when that is above ``threshold`` (VLM-R1: .5), else 0.
- ``map``: mean average precision over IoU .50, .55 … .95 and labels, boxes ranked as they are listed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from verifier.errors import ErrorCode, ItemInvalid
from verifier.rewards.base import (
    ItemReward,
    ReferenceModel,
    RewardParameters,
    Sample,
    Score,
    read_reference,
)
from verifier.rewards.extraction import after_reasoning, tagged
from verifier.rewards.json_text import read_json, without_fence
from verifier.schema import Verdict

MAX_BOXES = 100
_BOX_KEYS = ("bbox_2d", "box", "bbox")
_BARE_BOX = re.compile(r"\[\s*-?[\d.]+\s*(?:,\s*-?[\d.]+\s*){3}\]")
Box = tuple[float, float, float, float]


class IouReference(ReferenceModel):
    """The right boxes, corners first and last."""

    boxes: Annotated[list[list[float]], Field(min_length=1, max_length=MAX_BOXES)]
    labels: list[str] | None = None

    @model_validator(mode="after")
    def _fit(self) -> IouReference:
        if self.labels is not None and len(self.labels) != len(self.boxes):
            raise ValueError("as many labels as boxes")
        return self


class IouParameters(RewardParameters):
    """Which measure."""

    type: Literal["iou"]
    metric: Literal["iou", "threshold", "map"] = "iou"
    threshold: Annotated[float, Field(ge=0, lt=1)] = 0.5


class IouReward(ItemReward[IouParameters]):
    """How well the boxes cover the reference's."""

    type_name = "iou"
    Parameters = IouParameters

    def score(self, sample: Sample, parameters: IouParameters) -> Score:
        """Read the boxes and measure them."""
        gold = _reference(sample)
        boxes = _answer(sample.completion)
        if not boxes:
            return Score(0.0, Verdict.NO_ANSWER, {"boxes": 0})
        value = mean_average_precision(boxes, gold) if parameters.metric == "map" else _mean_iou(boxes, gold)
        detail = {"boxes": len(boxes), "value": value}
        if parameters.metric == "threshold":
            value = float(value > parameters.threshold)
        verdict = {0.0: Verdict.INCORRECT, 1.0: Verdict.CORRECT}.get(value, Verdict.PARTIAL)
        return Score(value, verdict, detail)


Labelled = tuple[Box, str]


def box_iou(first: Box, second: Box) -> float:
    """Area of the intersection over that of the union."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (_area(first) + _area(second) - shared)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _mean_iou(boxes: Sequence[Labelled], gold: Sequence[Labelled]) -> float:
    """Best pairs first, each box once; divided by the larger number of boxes."""
    pairs = sorted(
        (
            (box_iou(box, right), i, j)
            for i, (box, a) in enumerate(boxes)
            for j, (right, b) in enumerate(gold)
            if a == b
        ),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    used_boxes: set[int] = set()
    used_gold: set[int] = set()
    total = 0.0
    for value, i, j in pairs:
        if i not in used_boxes and j not in used_gold:
            used_boxes.add(i)
            used_gold.add(j)
            total += value
    return total / max(len(boxes), len(gold))


def mean_average_precision(boxes: Sequence[Labelled], gold: Sequence[Labelled]) -> float:
    """The mean over labels and over the thresholds .50, .55 … .95 of the average precision."""
    labels = sorted({label for _, label in gold})
    values = [
        average_precision(
            [box for box, label in boxes if label == wanted],
            [box for box, label in gold if label == wanted],
            threshold / 100,
        )
        for wanted in labels
        for threshold in range(50, 100, 5)
    ]
    return sum(values) / len(values)


def average_precision(boxes: Sequence[Box], gold: Sequence[Box], threshold: float) -> float:
    """The area under the precision-recall curve, precision made falling; boxes stand best first."""
    unused = list(gold)
    hits: list[bool] = []
    for box in boxes:
        best = max(unused, key=lambda right: box_iou(box, right), default=None)
        hit = best is not None and box_iou(box, best) >= threshold
        if hit and best is not None:
            unused.remove(best)
        hits.append(hit)
    precisions = [sum(hits[: rank + 1]) / (rank + 1) for rank in range(len(hits))]
    area, ceiling = 0.0, 0.0
    for rank in reversed(range(len(hits))):
        ceiling = max(ceiling, precisions[rank])
        area += ceiling / len(gold) if hits[rank] else 0.0
    return area


def _reference(sample: Sample) -> list[Labelled]:
    reference = read_reference(sample, IouReference)
    labels = reference.labels or [""] * len(reference.boxes)
    gold = [(_box(box), label) for box, label in zip(reference.boxes, labels, strict=True)]
    if any(box is None for box, _ in gold):
        raise ItemInvalid(
            ErrorCode.UNUSABLE_REFERENCE, "reference.boxes: each must be [x1, y1, x2, y2], x1 < x2"
        )
    return [(box, label.casefold()) for box, label in gold if box is not None]


def _box(value: object) -> Box | None:
    """Four finite numbers that span an area."""
    if not isinstance(value, list) or len(value) != 4:
        return None
    if not all(
        isinstance(side, int | float) and not isinstance(side, bool) and abs(side) < 1e9 for side in value
    ):
        return None
    box = (float(value[0]), float(value[1]), float(value[2]), float(value[3]))
    return box if box[0] < box[2] and box[1] < box[3] else None


def _answer(completion: str) -> list[Labelled]:
    """The boxes of the answer; none where one of them is malformed."""
    text = after_reasoning(completion)
    answers = tagged(text, "answer")
    text = answers[-1] if answers else text.strip()
    read = read_json(without_fence(text))
    if read is None:
        bare = _BARE_BOX.findall(text)
        read = read_json(bare[0]) if len(bare) == 1 else None
    value: Any = [] if read is None else read.value
    found = [value] if isinstance(value, dict) or _box(value) else value
    if not isinstance(found, list) or len(found) > MAX_BOXES:
        return []
    boxes = [_labelled(one) for one in found]
    return [] if None in boxes else [box for box in boxes if box is not None]


def _labelled(value: object) -> Labelled | None:
    """A bare box, or an object with one and perhaps a label."""
    if not isinstance(value, dict):
        box = _box(value)
        return None if box is None else (box, "")
    box = next((_box(value[key]) for key in _BOX_KEYS if key in value), None)
    label = value.get("label", "")
    return (box, label.casefold()) if box is not None and isinstance(label, str) else None
