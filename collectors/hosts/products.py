"""Names programs: which product a command line runs, from a table and by rules for interpreters."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cmdb.errors import Invalid
from collectors.hosts.packages import Package
from collectors.hosts.processes import Process

FILE = Path(__file__).parent / "products.yaml"
KINDS = frozenset(
    ("database", "web_server", "application_server", "message_broker", "cache", "dns", "directory", "other")
)
_KEYS = frozenset(("product", "kind", "executables", "arguments", "packages", "ports"))

_INTERPRETER = re.compile(
    r"(?:python|pypy|perl|ruby|node(?:js)?|php|lua|tclsh|Rscript|guile|dotnet|deno|bun)[\d.]*|(?:ba|da|k|z)?sh"
)
_LONGEST = 16_384  # characters of a command line that are looked at
_RUNTIMES = frozenset(("java", "beam.smp", "erl", "erl_child_setup"))
_VALUED = frozenset(
    ("-X", "-W", "-Q", "-c", "-m", "-r", "-e", "-I", "--require", "--import", "--loader")
)  # take a word
# Names of files and folders that say nothing of what is in them.
_FILES = """
server main app application index run start wsgi asgi manage __main__ service daemon worker web bootstrap launcher cli
boot entrypoint
"""
_FOLDERS = """
bin sbin lib src app dist build current release releases code www web html public server scripts opt srv home usr local
share var main tmp root live deploy
"""
_COMMON_FILES, _COMMON_FOLDERS = frozenset(_FILES.split()), frozenset(_FOLDERS.split())
_JAR = re.compile(
    r"^(?P<name>.+?)(?:-(?P<version>\d[\w.]*?)(?:[-.](?:SNAPSHOT|RELEASE|FINAL|all|exec|boot))?)?\.[jw]ar$", re.I
)
_BY_HAND = ("/usr/local/", "/opt/", "/srv/", "/home/", "/root/", "/tmp/")  # noqa: S108 - where no package puts programs


@dataclass(frozen=True)
class Product:
    """An entry of the table."""

    product: str
    kind: str
    executables: frozenset[str]
    arguments: re.Pattern[str] | None
    packages: tuple[re.Pattern[str], ...]
    ports: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Program:
    """What a process runs; `version` is "" where it is not known."""

    product: str
    kind: str
    version: str = ""


@functools.cache
def table() -> tuple[Product, ...]:
    """The products that are known by name. Raises Invalid that names the entry."""
    entries = yaml.safe_load(FILE.read_text("utf-8"))
    return tuple(_entry(entry, number) for number, entry in enumerate(entries))


def _entry(entry: Any, number: int) -> Product:
    where = f"{FILE.name}: entry {number + 1}"
    if not isinstance(entry, dict) or not set(entry) <= _KEYS or not entry.get("product"):
        raise Invalid(f"{where}: must be a mapping with product and kind; keys are {', '.join(sorted(_KEYS))}")
    if entry.get("kind") not in KINDS:
        raise Invalid(f"{where}: kind must be one of {', '.join(sorted(KINDS))}")
    try:
        arguments = re.compile(entry["arguments"]) if "arguments" in entry else None
        packages = tuple(re.compile(pattern) for pattern in entry.get("packages", []))
    except re.error as error:
        raise Invalid(f"{where}: not a regular expression: {error}") from error
    ports = frozenset(entry.get("ports", ()))
    return Product(entry["product"], entry["kind"], frozenset(entry.get("executables", ())), arguments, packages, ports)


def name_program(process: Process, shown: str, installed: Mapping[str, Package], owners: Mapping[str, str]) -> Program:
    """What a process runs. `shown` is the name that the kernel gives it, `installed` are packages by name."""
    names = _names(process, shown)
    known = product_of(process, shown)
    script = _script(process, names)
    if known is None and script:
        base = script.rpartition("/")[2]
        known = _lookup()[0].get(base)
        if known is None:
            return Program(_script_name(script), "application_server")
    if known is not None:
        return Program(known.product, known.kind, _version(process, known, installed, owners))
    if "java" in names:
        return _java(process)
    name = process.called if process.called and " " not in process.called else (names[0] if names else "")
    return Program(name, "other", _version(process, None, installed, owners))


def product_of(process: Process, shown: str = "") -> Product | None:
    """The entry of the table that a process fits, scripts aside; None if there is none."""
    names = _names(process, shown)
    by_name, by_arguments = _lookup()
    named = next((by_name[name] for name in names if name in by_name), None)
    if named is not None or not process.words:
        return named
    text = process.arguments[:_LONGEST] if _RUNTIMES & set(names) else process.words[0]
    return next((p for p in by_arguments if p.arguments is not None and p.arguments.search(text)), None)


@functools.cache
def _lookup() -> tuple[dict[str, Product], tuple[Product, ...]]:
    """Products by the names of their programs, and those with a pattern."""
    by_name: dict[str, Product] = {}
    for product in table():
        for name in product.executables:
            by_name.setdefault(name, product)
    return by_name, tuple(p for p in table() if p.arguments is not None)


def _names(process: Process, shown: str) -> list[str]:
    return [n for n in (process.executable.rpartition("/")[2], process.called, shown) if n]


def name_of_kernel(shown: str) -> Program:
    """A program of which only the name in the kernel is known."""
    known = _lookup()[0].get(shown)
    return Program(known.product, known.kind) if known else Program(shown, "other")


def _script(process: Process, names: list[str]) -> str:
    """The script or module that an interpreter runs; "" for other programs."""
    if not any(_INTERPRETER.fullmatch(name) for name in names):
        return ""
    words = iter(process.words[1:])
    for word in words:
        if word in ("-m", "--module"):
            return next(words, "").replace(".", "/").removesuffix("/__main__")
        if word in ("-c", "-e"):
            return ""
        if word in _VALUED:
            next(words, "")
        elif not word.startswith("-"):
            return word
    return ""


def _script_name(script: str) -> str:
    """The name of a script; of `/opt/billing/bin/server.py` that of the first folder above which says something."""
    folders = script.split("/")
    base = re.sub(r"\.(?:py[co]?|m?js|cjs|ts|rb|pl|php|sh|dll|jar|lua|tcl)$", "", folders[-1])
    if base.lower() not in _COMMON_FILES:
        return base
    above = (
        f for f in reversed(folders[:-1]) if f and f.lower() not in _COMMON_FOLDERS and not re.fullmatch(r"[v\d.]+", f)
    )
    return next(above, base)


def _java(process: Process) -> Program:
    """A Java program by its archive, else by its main class."""
    words = process.words
    for at, word in enumerate(words[:-1]):
        if word == "-jar":
            match = _JAR.match(words[at + 1].rpartition("/")[2][:255])
            name = match["name"] if match else words[at + 1].rpartition("/")[2]
            return Program(name, "application_server", (match["version"] or "") if match else "")
    rest = iter(words[1:])
    for word in rest:
        if word in ("-cp", "-classpath", "--class-path", "-p", "--module-path", "--add-modules", "--add-opens", "-m"):
            next(rest, "")
        elif not word.startswith(("-", "@")):
            return Program(word.rpartition(".")[2] or "java", "application_server")
    return Program("java", "application_server")


def _version(
    process: Process, known: Product | None, installed: Mapping[str, Package], owners: Mapping[str, str]
) -> str:
    """The version of the package that brought the program."""
    base = process.executable.rpartition("/")[2]
    owner = installed.get(owners.get(process.executable, ""))
    if owner is not None and base not in _RUNTIMES and not _INTERPRETER.fullmatch(base):
        return owner.upstream
    if known is None or process.executable.startswith(_BY_HAND):
        return ""
    for pattern in known.packages:
        versions = {package.upstream for name, package in installed.items() if pattern.fullmatch(name)}
        if versions:
            return versions.pop() if len(versions) == 1 else ""
    return ""
