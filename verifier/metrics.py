"""Prometheus metrics of scoring; ``GET /metrics`` serves them."""

from __future__ import annotations

from collections import Counter as Tally

from prometheus_client import Counter, Histogram

from verifier.schema import ScoreResponse

ITEMS = Counter("verifier_items", "Items answered, by status.", ["status"])
COMPONENTS = Counter("verifier_components", "Components judged, by type and verdict.", ["type", "verdict"])
COMPONENT_ERRORS = Counter("verifier_component_errors", "Components without a score.", ["type", "code"])
METHODS = Counter("verifier_methods", "Components by the stage that decided.", ["type", "method"])
BATCH_SECONDS = Histogram(
    "verifier_batch_seconds",
    "From a request's plan to its response.",
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100),
)


def observe_response(response: ScoreResponse) -> None:
    """Count a batch: tallied first, so that a label is looked up once and not once an item."""
    BATCH_SECONDS.observe(response.elapsed_ms / 1e3)
    items: Tally[str] = Tally(result.status for result in response.results)
    verdicts: Tally[tuple[str, str]] = Tally()
    errors: Tally[tuple[str, str]] = Tally()
    methods: Tally[tuple[str, str]] = Tally()
    for result in response.results:
        for component in result.components:
            if component.error is not None:
                errors[component.type, component.error.code] += 1
            elif component.verdict is not None:
                verdicts[component.type, component.verdict] += 1
                if isinstance(method := component.detail.get("method"), str):
                    methods[component.type, method] += 1
    for status, count in items.items():
        ITEMS.labels(status).inc(count)
    for counter, tally in ((COMPONENTS, verdicts), (COMPONENT_ERRORS, errors), (METHODS, methods)):
        for labels, count in tally.items():
            counter.labels(*labels).inc(count)
