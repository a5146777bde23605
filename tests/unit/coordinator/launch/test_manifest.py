"""The objects for Kubernetes; no cluster has run them here."""

from pathlib import Path
from typing import Any

import pytest

from ovbench.coordinator.launch.manifest import Cluster, Object, host_names, inner_endpoint, objects
from ovbench.coordinator.launch.yamltext import yaml_documents
from tests.clusters import CLUSTER, GOLDEN, JOINS, OUTSIDE


def kinds(some: tuple[Object, ...]) -> list[tuple[str, str]]:
    return [(one["kind"], one["metadata"]["name"]) for one in some]


def pods(some: tuple[Object, ...]) -> list[Any]:
    return [one["spec"]["template"]["spec"] for one in some if one["kind"] == "Job"]


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_the_objects_are_those_that_are_held_to_the_published_schemas(file: Path) -> None:
    """By `tests/contract/test_kubernetes_schemas.py`, which takes long; so what changes here is tried there."""
    cluster: Cluster = GOLDEN[file]
    assert yaml_documents(objects(cluster, JOINS[: cluster.hosts], "keys\n")) == file.read_text()


def test_a_coordinator_inside_has_a_job_a_name_and_a_secret_of_its_own() -> None:
    assert kinds(objects(CLUSTER, JOINS, "keys\n")) == [
        ("Secret", "night"),
        ("Secret", "night-coordinator"),
        ("Service", "night"),
        ("Job", "night"),
        ("Job", "night-coordinator"),
    ]
    assert inner_endpoint(CLUSTER) == "tcp://night-coordinator-0.night:5555"


def test_a_coordinator_outside_needs_hosts_and_their_keys_alone() -> None:
    assert kinds(objects(OUTSIDE, JOINS[:2], "keys\n")) == [("Secret", "night"), ("Job", "night")]


def test_hosts_are_named_as_an_indexed_job_names_its_pods() -> None:
    assert host_names(CLUSTER) == ("night-0", "night-1", "night-2")


def test_every_pod_is_of_the_guaranteed_class_with_whole_cpus() -> None:
    """By the rule of kubernetes.io/docs/concepts/workloads/pods/pod-qos: limits for all, and equal requests."""
    for pod, cpus in zip(pods(objects(CLUSTER, JOINS, "keys\n")), (16, 2), strict=True):
        assert "initContainers" not in pod
        for container in pod["containers"]:
            resources = container["resources"]
            assert set(resources["limits"]) == {"cpu", "memory"}
            assert resources["requests"] == resources["limits"]
            assert resources["limits"]["cpu"] == str(cpus)


def test_hosts_are_on_nodes_of_their_own_and_each_sees_its_own_key() -> None:
    job = objects(CLUSTER, JOINS, "keys\n")[3]
    (pod,) = pods((job,))
    assert (job["spec"]["completionMode"], job["spec"]["completions"], job["spec"]["parallelism"]) == ("Indexed", 3, 3)
    (apart,) = pod["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    labels = job["spec"]["template"]["metadata"]["labels"]
    assert apart["topologyKey"] == "kubernetes.io/hostname"
    assert apart["labelSelector"]["matchLabels"].items() <= labels.items()
    assert pod["nodeSelector"] == {"node.kubernetes.io/instance-type": "c7i.metal"}
    (given,) = [mount for mount in pod["containers"][0]["volumeMounts"] if mount["name"] == "given"]
    assert given["subPathExpr"] == "host-$(HOST_INDEX)"
    assert "HOST_INDEX" in {variable["name"] for variable in pod["containers"][0]["env"]}


def test_no_secret_is_in_a_command_or_in_the_environment() -> None:
    for cluster in (CLUSTER, OUTSIDE):
        for one in objects(cluster, [f"SECRET {number}" for number in range(cluster.hosts)], "SECRET"):
            assert ("SECRET" in str(one)) is (one["kind"] == "Secret")


def test_the_words_of_the_coordinator_are_passed_on_as_they_are() -> None:
    some = objects(CLUSTER, JOINS, "keys\n")
    command = pods(some)[1]["containers"][0]["command"]
    assert command[:2] == ["sh", "-c"]
    assert command[2].endswith(' --bind "tcp://$POD_IP:5555" "$@"')
    assert tuple(command[4:]) == CLUSTER.words


def test_nothing_is_tried_twice_and_no_pod_has_more_rights_than_it_needs() -> None:
    for one in objects(CLUSTER, JOINS, "keys\n"):
        if one["kind"] == "Job":
            assert one["spec"]["backoffLimit"] == 0
            (pod,) = pods((one,))
            assert pod["restartPolicy"] == "Never"
            assert pod["automountServiceAccountToken"] is False
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert pod["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
