"""The service's numbers, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from sandbox.schema import JudgeResult
from sandbox.slots import Slots


class Metrics:
    """Counters of one service, in a registry of their own."""

    def __init__(self, slots: Slots) -> None:
        self._registry = CollectorRegistry()
        self._tests = Counter("sandbox_tests", "Tests judged", ["verdict"], registry=self._registry)
        self._wall = Histogram("sandbox_test_wall_seconds", "Wall time of tests", registry=self._registry)
        self._cpu = Histogram("sandbox_test_cpu_seconds", "CPU time of tests", registry=self._registry)
        for name, text, read in (
            ("sandbox_jails", "Warm jails", lambda: len(slots.live)),
            ("sandbox_jails_free", "Warm jails that run nothing", lambda: slots.free),
            ("sandbox_jails_replaced", "Jails replaced since the start", lambda: slots.replaced),
        ):
            Gauge(name, text, registry=self._registry).set_function(read)

    def count(self, result: JudgeResult) -> None:
        """Take a result into account."""
        for test in result.tests:
            self._tests.labels(test.verdict).inc()
            self._wall.observe(test.wall_ms / 1e3)
            self._cpu.observe(test.cpu_ms / 1e3)

    def text(self) -> bytes:
        """In Prometheus' format."""
        return generate_latest(self._registry)
