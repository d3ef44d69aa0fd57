"""What is measured when it is asked for: the scoring processes, and the queue."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from verifier.engine import Engine
from verifier.service.queue_probe import QueueState

QUEUE_JOBS = Gauge("verifier_queue_jobs", "Jobs that wait in the queue.")
QUEUE_AGE = Gauge("verifier_queue_age_seconds", "How long the oldest of them has waited.")
QUEUE_WORKERS = Gauge("verifier_queue_workers", "Workers registered on the queue.")
QUEUE_UP = Gauge("verifier_queue_up", "1 where Redis answers, 0 where it does not or there is none.")


class PoolCollector(Collector):
    """The running totals of an engine's pool."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        counts = self._engine.pool_counts
        yield GaugeMetricFamily(
            "verifier_tasks_waiting", "Tasks that wait for a scoring process.", counts.waiting
        )
        for name, documentation, value in (
            ("verifier_pool_workers_started", "Scoring processes started.", counts.workers_started),
            ("verifier_pool_cpu_limits", "Tasks that used up their CPU time: judged 0.", counts.cpu_limits),
            ("verifier_pool_repeats", "Tasks that failed and were repeated alone.", counts.repeats),
        ):
            yield CounterMetricFamily(name, documentation, value)


def show_queue(state: QueueState | None) -> None:
    """Set the queue's gauges; None where Redis does not answer."""
    QUEUE_UP.set(state is not None)
    if state is not None:
        QUEUE_JOBS.set(state.jobs)
        QUEUE_AGE.set(state.age_s)
        QUEUE_WORKERS.set(state.workers)
