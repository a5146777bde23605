"""What Kubernetes is given to run a coordinator and its hosts: an object each, as its API has them. Pure.

A host is a pod on a node of its own, whose CPUs are its alone: requests are limits and whole numbers, so that the pod's
class is Guaranteed and the kubelet's static CPU manager gives it CPUs that no other container has
(kubernetes.io/docs/tasks/administer-cluster/cpu-management-policies).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Object = dict[str, Any]

PORT: Final = 5555

_GIVEN: Final = "/etc/ovbench/given"
"""Where a pod has its secret, which its group can read; a file of keys must be its user's alone, so it takes a copy."""

_OWN: Final = "/run/ovbench"
_SCRATCH: Final = "/tmp"
_USER: Final = 1000
_WAIT_S: Final = 300
"""Supervisors try to reach the coordinator for so long: its pod may have to be pulled, and its name to be known."""
_GRACE_S: Final = 4
_RUN: Final = "ovbench.io/run"
_PART: Final = "ovbench.io/part"
_INDEX: Final = "metadata.annotations['batch.kubernetes.io/job-completion-index']"

_TAKE: Final = f"umask 077; cat {_GIVEN} > {_OWN}/own; exec"
_HOST: Final = f"{_TAKE} ovbench-agent --host --join {_OWN}/own --wait {_WAIT_S}"
_COORDINATOR: Final = (
    f'{_TAKE} ovbench-coord --launcher kubernetes --run-keys {_OWN}/own --bind "tcp://$POD_IP:{PORT}" "$@"'
)


@dataclass(frozen=True)
class Cluster:
    """What is asked for.

    * `name`: of the run, which names all objects. `namespace`: None is that of kubectl's context.
    * `hosts`: how many, each with `cpus` whole CPUs and `memory` as Kubernetes writes it, such as 8Gi.
    * `selector`: labels of the nodes that may be hosts.
    * `coordinator_cpus`: of its pod; `words`: its arguments. `inside`: whether it has a pod.
    """

    name: str
    image: str
    hosts: int
    cpus: int
    memory: str
    namespace: str | None = None
    selector: Mapping[str, str] | None = None
    inside: bool = True
    coordinator_cpus: int = 2
    words: Sequence[str] = ()


def host_names(cluster: Cluster) -> tuple[str, ...]:
    """The host names of the pods, which an Indexed Job makes of its own name and their number."""
    return tuple(f"{cluster.name}-{number}" for number in range(cluster.hosts))


def inner_endpoint(cluster: Cluster) -> str:
    """Where a coordinator in a pod is reached: by the name that its service gives it."""
    return f"tcp://{cluster.name}-coordinator-0.{cluster.name}:{PORT}"


def objects(cluster: Cluster, joins: Sequence[str], keys: str) -> tuple[Object, ...]:
    """`joins`: what each host is given, in the order of `host_names`; `keys`: what a coordinator inside is given. Both
    are secrets, and so are the objects."""
    hosts = _secret(cluster, cluster.name, {f"host-{number}": join for number, join in enumerate(joins)})
    if not cluster.inside:
        return hosts, _host_job(cluster)
    own = _secret(cluster, f"{cluster.name}-coordinator", {"keys": keys})
    return hosts, own, _service(cluster), _host_job(cluster), _coordinator_job(cluster)


def _secret(cluster: Cluster, name: str, data: Mapping[str, str]) -> Object:
    """One of the hosts and one of the coordinator: no host could mount the latter's key by its own template."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _metadata(cluster, name),
        "type": "Opaque",
        "immutable": True,
        "stringData": dict(data),
    }


def _service(cluster: Cluster) -> Object:
    """Headless: it gives pods their names, and nothing stands between them."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(cluster, cluster.name),
        "spec": {
            "clusterIP": "None",
            "selector": {_RUN: cluster.name},
            "publishNotReadyAddresses": True,
            "ports": [{"name": "bus", "port": PORT}],
        },
    }


def _host_job(cluster: Cluster) -> Object:
    container = _container(
        cluster,
        command=["sh", "-c", _HOST],
        cpus=cluster.cpus,
        memory=cluster.memory,
        environment=[{"name": "HOST_INDEX", "valueFrom": {"fieldRef": {"fieldPath": _INDEX}}}],
        # Each pod sees its own key, not those of the others.
        given={"subPathExpr": "host-$(HOST_INDEX)"},
    )
    pod = {
        **_pod(cluster, "host", container, cluster.name),
        **({"nodeSelector": dict(cluster.selector)} if cluster.selector else {}),
        "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [_same_node(cluster)]}},
    }
    return _job(cluster, cluster.name, "host", cluster.hosts, pod)


def _coordinator_job(cluster: Cluster) -> Object:
    name = f"{cluster.name}-coordinator"
    container = _container(
        cluster,
        command=["sh", "-c", _COORDINATOR, "ovbench", *cluster.words],
        cpus=cluster.coordinator_cpus,
        memory="2Gi",
        environment=[{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        given={"subPath": "keys"},
    )
    preferred = [{"weight": 100, "podAffinityTerm": _same_node(cluster)}]
    pod = {
        **_pod(cluster, "coordinator", container, name),
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}},
    }
    return _job(cluster, name, "coordinator", 1, pod)


def _job(cluster: Cluster, name: str, part: str, pods: int, pod: Object) -> Object:
    """Nothing is tried again: a host that is lost is the run's to report."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": _metadata(cluster, name),
        "spec": {
            "completionMode": "Indexed",
            "completions": pods,
            "parallelism": pods,
            "backoffLimit": 0,
            "template": {"metadata": {"labels": {_RUN: cluster.name, _PART: part}}, "spec": pod},
        },
    }


def _pod(cluster: Cluster, part: str, container: Object, secret: str) -> Object:
    return {
        "subdomain": cluster.name,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": _GRACE_S,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [{"name": part, **container}],
        "volumes": [
            {"name": "given", "secret": {"secretName": secret, "defaultMode": 0o440}},
            {"name": "own", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
            {"name": "scratch", "emptyDir": {}},
        ],
    }


def _container(
    cluster: Cluster, command: list[str], cpus: int, memory: str, environment: list[Object], given: Object
) -> Object:
    resources = {"cpu": str(cpus), "memory": memory}
    return {
        "image": cluster.image,
        "command": command,
        "workingDir": _SCRATCH,
        "env": [{"name": "HOME", "value": _SCRATCH}, *environment],
        "resources": {"requests": resources, "limits": dict(resources)},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [
            {"name": "given", "mountPath": _GIVEN, "readOnly": True, **given},
            {"name": "own", "mountPath": _OWN},
            {"name": "scratch", "mountPath": _SCRATCH},
        ],
    }


def _same_node(cluster: Cluster) -> Object:
    return {
        "labelSelector": {"matchLabels": {_RUN: cluster.name, _PART: "host"}},
        "topologyKey": "kubernetes.io/hostname",
    }


def _metadata(cluster: Cluster, name: str) -> Object:
    namespace = {} if cluster.namespace is None else {"namespace": cluster.namespace}
    return {"name": name, **namespace, "labels": {_RUN: cluster.name}}
