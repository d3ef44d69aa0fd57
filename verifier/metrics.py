"""Prometheus metrics of scoring; ``GET /metrics`` serves them."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterable, Iterator

from prometheus_client import REGISTRY, Counter, Histogram
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from verifier.schema import ScoreResponse

ITEMS = Counter("verifier_items", "Items answered, by status.", ["status"])
COMPONENTS = Counter("verifier_components", "Components judged, by type and verdict.", ["type", "verdict"])
COMPONENT_ERRORS = Counter("verifier_component_errors", "Components without a score.", ["type", "code"])
METHODS = Counter("verifier_methods", "Components by the stage that decided.", ["type", "method"])
JUDGED = Counter(
    "verifier_judged",
    "Judgements made; components beyond that repeated an equal item of their batch and took its judgement.",
)
BATCH_SECONDS = Histogram(
    "verifier_batch_seconds",
    "From a request's plan to its response.",
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100),
)


class Latencies(Collector):
    """A histogram of seconds by reward type, for thousands of observations at a time.

    The library's own takes a lock for each.
    """

    _BOUNDS = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)

    def __init__(self, name: str, documentation: str) -> None:
        self._name = name
        self._documentation = documentation
        self._counts: defaultdict[str, list[int]] = defaultdict(lambda: [0] * (len(self._BOUNDS) + 1))
        self._sums: defaultdict[str, float] = defaultdict(float)

    def observe_ms(self, label: str, values: Iterable[float]) -> None:
        """Count these milliseconds."""
        counts = self._counts[label]
        for value in values:
            counts[bisect_left(self._BOUNDS, value / 1e3)] += 1
            self._sums[label] += value / 1e3

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=["type"])
        for label, counts in list(self._counts.items()):
            below, buckets = 0, []
            for bound, count in zip((*map(str, self._BOUNDS), "+Inf"), counts, strict=True):
                below += count
                buckets.append((bound, below))
            family.add_metric([label], buckets, self._sums[label])
        yield family


COMPONENT_SECONDS = Latencies("verifier_component_seconds", "What judging a component took, by type.")
REGISTRY.register(COMPONENT_SECONDS)


def observe_response(response: ScoreResponse) -> None:
    """Count a batch: tallied first, so that a label is looked up once and not once an item."""
    BATCH_SECONDS.observe(response.elapsed_ms / 1e3)
    items: Tally[str] = Tally()
    verdicts: Tally[tuple[str, str]] = Tally()
    errors: Tally[tuple[str, str]] = Tally()
    methods: Tally[tuple[str, str]] = Tally()
    elapsed: defaultdict[str, list[float]] = defaultdict(list)
    for result in response.results:
        items[result.status] += 1
        for component in result.components:
            elapsed[component.type].append(component.elapsed_ms)
            if component.error is not None:
                errors[component.type, component.error.code] += 1
            elif component.verdict is not None:
                verdicts[component.type, component.verdict] += 1
                if isinstance(method := component.detail.get("method"), str):
                    methods[component.type, method] += 1
    for status, count in items.items():
        ITEMS.labels(status).inc(count)
    for type_name, values in elapsed.items():
        COMPONENT_SECONDS.observe_ms(type_name, values)
    for counter, tally in ((COMPONENTS, verdicts), (COMPONENT_ERRORS, errors), (METHODS, methods)):
        for labels, count in tally.items():
            counter.labels(*labels).inc(count)
