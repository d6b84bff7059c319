"""The Dockerfile against pyproject.toml, uv.lock and docker-compose.yml; no Docker is needed."""

from __future__ import annotations

import re
import tomllib
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from tests.deploy.compose_file import OURS, ROOT, said, services

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCK: dict[str, Any] = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))


EXTRAS = PROJECT["project"]["optional-dependencies"]


def python_version() -> str:
    found = {re.match(r"python:(\d+\.\d+)-slim-\w+", base) for base in said("FROM")}
    versions = {match[1] for match in found if match}
    assert None not in found
    assert len(versions) == 1, "built with one Python and run with another"
    return versions.pop()


def test_the_python_of_the_image_is_one_that_the_project_allows() -> None:
    assert python_version() in SpecifierSet(PROJECT["project"]["requires-python"])


def test_every_package_of_ours_is_copied_and_what_building_needs_comes_before() -> None:
    copied = [what.split()[:-1] for what in said("COPY") if not what.startswith("--")]
    assert copied[0] == ["pyproject.toml", "uv.lock", PROJECT["project"]["readme"]]
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(name for names in copied[1:] for name in names) == sorted(packages)
    for name in packages:
        assert f"{name} {name}" in said("COPY")


def test_the_environment_is_that_of_the_lock() -> None:
    syncs = [what for what in said("RUN") if "uv sync" in what]
    assert len(syncs) == 2
    assert all("--frozen --no-dev" in what and what.endswith("${EXTRAS}") for what in syncs)
    assert said("ARG") == ['EXTRAS=""'], "nothing more unless somebody asks"
    # Made and used under one path, for programs in it name their interpreter in full.
    assert "--from=build /app /app" in said("COPY")
    assert set(said("WORKDIR")) == {"/app"}
    assert any("PATH=/app/.venv/bin:$PATH" in what for what in said("ENV"))


def test_what_is_locked_needs_no_compiler_in_the_image() -> None:
    """The slim image has none; what has no wheel for its Python would fail to install."""
    version = python_version()
    for machine in ("x86_64", "aarch64"):
        tags = wheel_tags(version, machine)
        missing = [
            name
            for name, package in installed(version, machine).items()
            if not any(tags & parse_wheel_filename(wheel)[3] for wheel in wheels(package))
        ]
        assert missing == [], machine


def wheels(package: dict[str, Any]) -> list[str]:
    return [unquote(wheel["url"].rsplit("/", 1)[1]) for wheel in package.get("wheels", [])]


def wheel_tags(version: str, machine: str) -> frozenset[Tag]:
    major, minor = (int(part) for part in version.split("."))
    # Debian 12 has glibc 2.36.
    platforms = [f"manylinux_2_{n}_{machine}" for n in range(36, 4, -1)]
    platforms += [f"manylinux2014_{machine}", f"manylinux2010_{machine}", f"manylinux1_{machine}"]
    interpreter = f"cp{major}{minor}"
    return frozenset(cpython_tags((major, minor), platforms=platforms)) | frozenset(
        compatible_tags((major, minor), interpreter=interpreter, platforms=platforms)
    )


def installed(version: str, machine: str) -> dict[str, dict[str, Any]]:
    """What the lock installs there with every extra, without development and our own package."""
    here = {
        "python_version": version,
        "python_full_version": f"{version}.0",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "platform_machine": machine,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    packages = {package["name"]: package for package in LOCK["package"]}
    found: dict[str, dict[str, Any]] = {}
    done: set[tuple[str, str]] = set()
    todo = [(PROJECT["project"]["name"], extra) for extra in ("", *EXTRAS)]
    while todo:
        name, extra = todo.pop()
        if (name, extra) in done:
            continue
        done.add((name, extra))
        found[name] = packages[name]
        needs = (
            packages[name].get("optional-dependencies", {}).get(extra, [])
            if extra
            else packages[name].get("dependencies", [])
        )
        for need in needs:
            if "marker" not in need or Marker(need["marker"]).evaluate(here):
                todo += [(need["name"], one) for one in ("", *need.get("extra", []))]
    del found[PROJECT["project"]["name"]]
    return found


def test_it_runs_as_the_user_of_the_compose_file_and_cannot_change_its_code() -> None:
    user = said("USER")[-1]
    assert user.split(":")[0] not in ("0", "root")
    assert {one["user"] for one in services().values() if one["image"] == OURS} == {user}
    assert any(f"--uid {user.split(':')[0]} " in what for what in said("RUN"))
    assert "--chown" not in " ".join(said("COPY")), "copied files belong to root"


def test_folders_under_volumes_exist_and_belong_to_its_user() -> None:
    """A named volume takes over the owner of the folder that it is mounted on."""
    made = next(what for what in said("RUN") if "install -d -o onenet" in what).split()
    for service in services().values():
        if service["image"] == OURS:
            for mount in service.get("volumes", []):
                source, target = mount.split(":")[:2]
                if not source.startswith("./"):  # a file or folder of the host keeps its owner
                    assert target in made
    assert any("AIRFLOW_HOME=/airflow" in what for what in said("ENV"))


def test_images_are_named_without_a_host() -> None:
    for image in said("FROM"):
        assert "/" not in image, "a host or an owner"
    assert not re.search(r"--from=\S*[./]", " ".join(said("COPY")))


def test_the_build_is_given_what_it_copies_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    copied = {
        name for what in said("COPY") if not what.startswith("--") for name in what.split()[:-1]
    }
    assert let_in == copied
    assert all(len(PurePosixPath(name).parts) == 1 for name in let_in)
