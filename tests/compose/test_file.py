"""What docker-compose.yml promises, read without starting anything."""

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = FILE["services"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_container_is_hardened(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"] and "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"] and service["mem_limit"]
    assert "privileged" not in service


def test_only_the_sandbox_holds_the_docker_socket() -> None:
    assert [name for name in SERVICES if "docker.sock" in str(SERVICES[name].get("volumes"))] == ["sandbox"]


def test_only_the_sandbox_runs_as_root() -> None:
    assert [name for name in SERVICES if "user" in SERVICES[name]] == ["sandbox"]
    for dockerfile in ("docker/Dockerfile", "docker/redis.Dockerfile"):
        user = [line for line in (ROOT / dockerfile).read_text().splitlines() if line.startswith("USER ")]
        assert user and user[-1] not in ("USER root", "USER 0")


def test_only_the_verifier_is_published_and_on_loopback() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert list(ports) == ["verifier"]
    assert all(port.startswith("127.0.0.1:") for port in ports["verifier"])


def test_redis_and_the_sandbox_are_on_internal_networks() -> None:
    internal = {name for name, network in FILE["networks"].items() if network.get("internal")}
    assert set(SERVICES["redis"]["networks"]) <= internal
    assert set(SERVICES["sandbox"]["networks"]) <= internal
    assert not set(SERVICES["redis"]["networks"]) & set(SERVICES["sandbox"]["networks"])


def test_no_network_leads_out() -> None:
    for network in FILE["networks"].values():
        options = network.get("driver_opts", {})
        assert network.get("internal") or options == {
            "com.docker.network.bridge.enable_ip_masquerade": "false"
        }


@pytest.mark.parametrize("name", ["verifier", "worker"])
def test_nothing_starts_before_what_it_needs_is_healthy(name: str) -> None:
    needs = SERVICES[name]["depends_on"]
    assert needs == {"redis": {"condition": "service_healthy"}, "sandbox": {"condition": "service_healthy"}}
    assert all("healthcheck" in SERVICES[needed] for needed in needs)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_base_images_are_build_arguments_with_public_defaults(name: str) -> None:
    base = SERVICES[name]["build"]["args"]["BASE"]
    assert base.startswith("${") and (":-python:3" in base or ":-redis:7" in base)
