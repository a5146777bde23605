"""Serves metrics over HTTP, as OpenMetrics or Prometheus' text, in threads of its own."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

from ovbench.common.errors import UsageError

from ..request.watchers import Address
from .metrics import Buckets, Family, Metrics


def client_package() -> ModuleType:
    """Raises UsageError where the extra is missing."""
    try:
        import prometheus_client
    except ImportError:
        raise UsageError(
            "--metrics needs prometheus-client, which is not there: pip install 'ovbench[metrics]'"
        ) from None
    return prometheus_client


class Exporter:
    """`address`: where it listens, with the port that was found where any was asked for."""

    def __init__(self, address: Address, metrics: Metrics) -> None:
        """Raises UsageError where the address cannot be had."""
        client = client_package()
        registry = client.CollectorRegistry(auto_describe=False)
        registry.register(_Collector(metrics))
        try:
            self._server, self._thread = client.start_http_server(address.port, address.host, registry)
        except OSError as error:
            raise UsageError(
                f"--metrics {address}: it cannot be served there: {error.strerror or error}; "
                "give another port, or 0 for any that is free"
            ) from None
        except UnicodeError:  # of labels that are empty or too long, which are not looked up
            raise UsageError(
                f"--metrics {address}: '{address.host}' is no name of a host; give its address, as in 0.0.0.0:9464"
            ) from None
        self.address = Address(address.host, self._server.server_port)

    @property
    def url(self) -> str:
        return f"http://{self.address}/metrics"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Collector:
    """What the library asks for the metrics at each scrape."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Any]:
        return map(_family, self._metrics.families())


def _family(family: Family) -> Any:
    from prometheus_client import core

    name, help, labels = family.name, family.help, family.labels
    if family.kind == "info":
        info = core.InfoMetricFamily(name, help)
        for values in family.values:
            info.add_metric((), dict(zip(labels, values, strict=True)))
        return info
    if family.kind == "states":
        states = core.StateSetMetricFamily(name, help)
        states.add_metric((), {state: bool(value) for (state,), value in family.values.items()})
        return states
    if family.kind == "histogram":
        return _histogram(core.HistogramMetricFamily(name, help, labels=labels), family)
    made = (
        core.CounterMetricFamily(name, help, labels=labels)
        if family.kind == "counter"
        else core.GaugeMetricFamily(name, help, labels=labels)
    )
    for values, value in family.values.items():
        if not isinstance(value, Buckets):
            made.add_metric(values, value)
    return made


def _histogram(made: Any, family: Family) -> Any:
    bounds = [*map(str, family.bounds), "+Inf"]
    for values, value in family.values.items():
        if isinstance(value, Buckets):
            made.add_metric(values, list(zip(bounds, (*value.counts, value.count), strict=True)), value.sum)
    return made
