"""Command line and configuration files of the embedded engine, ArcadeDB 26.10."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import importlib.util
import json
import os
from pathlib import Path

from cmdb.errors import UsageError

DATABASE = "cmdb"
ADMIN, READER = "root", "reader"
HASH_ROUNDS = 10_000  # fresh random passwords of 144 bits need no more
COMMAND_TIMEOUT_MS = 120_000

# Protocols and tools that we don't use; what isn't loaded can't be attacked.
_UNUSED_JARS = ("mcp", "postgresw", "redisw", "console", "graphql", "python-bridge")

_LOGGING = """\
handlers=java.util.logging.FileHandler
.level=WARNING
java.util.logging.FileHandler.level=WARNING
java.util.logging.FileHandler.pattern={log}/engine.log
java.util.logging.FileHandler.formatter=com.arcadedb.log.LogFormatter
java.util.logging.FileHandler.limit=10000000
java.util.logging.FileHandler.count=3
"""


def package() -> Path:
    """The folder of the installed engine. Looked up, not imported: importing would load a JVM into this process."""
    spec = importlib.util.find_spec("arcadedb_embedded")
    if spec is None or spec.origin is None:
        raise UsageError(
            "the embedded engine is not installed: run `pip install arcadedb-embedded==26.10.2.post1`,"
            " or name a Neo4j with --store-uri bolt://HOST:7687"
        )
    return Path(spec.origin).parent


def version() -> str:
    """Version of the installed engine."""
    return importlib.metadata.version("arcadedb-embedded")


def write_configuration(root: Path, passwords: dict[str, str]) -> None:
    """Write users, groups and logging. Passwords go to disk as PBKDF2 hashes, and never on a command line."""
    for folder in (root / "config", root / "log"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    records = ["createRecord", "readRecord", "updateRecord", "deleteRecord"]
    groups = {
        ADMIN: _group(["updateSecurity", "updateSchema", "updateDatabaseSettings"], records),
        READER: _group([], ["readRecord"]),
        "*": _group([], []),
    }
    settings = {"databases": {"*": {"groups": groups}}, "version": 2}
    write_private(root / "config" / "server-groups.json", json.dumps(settings))
    member_of = {ADMIN: ADMIN, READER: READER}
    users = (
        json.dumps({"name": user, "databases": {"*": [member_of[user]]}, "password": _hashed(password)})
        for user, password in passwords.items()
    )
    write_private(root / "config" / "server-users.jsonl", "".join(line + "\n" for line in users))
    write_private(root / "log" / "logging.properties", _LOGGING.format(log=root / "log"))


def fresh_cache(class_cache: Path) -> Path:
    """Where this process has its engine record a class cache, before it takes its place."""
    return class_cache.with_name(f"{class_cache.name}.{os.getpid()}.new")


def command(root: Path, bolt_port: int, http_port: int, heap_mb: int, class_cache: Path) -> list[str]:
    """The command line of the engine. The class cache is used if it is there, else recorded."""
    recording = f"-XX:AOTCacheOutput={fresh_cache(class_cache)}"
    cache = f"-XX:AOTCache={class_cache}" if class_cache.exists() else recording
    jars = sorted(j for j in (package() / "jars").glob("*.jar") if not any(word in j.name for word in _UNUSED_JARS))
    settings = {
        "server.rootPath": root,
        "server.databaseDirectory": root / "databases",
        "server.logsDirectory": root / "log",
        "server.backupDirectory": root / "backups",
        "server.mode": "development",  # production hides the text of every error
        "txWalFlush": 1,  # one fdatasync a commit; development's default is none
        "command.timeout": COMMAND_TIMEOUT_MS,
        "serverMetrics": "false",
        "polyglotEngineEnabled": "false",
        "opencypher.loadCsv.allowFileUrls": "false",
        "opencypher.loadCsv.allowRemoteUrls": "false",
        "server.httpIncomingHost": "127.0.0.1",
        "server.httpIncomingPort": http_port,
        "server.plugins": "Bolt:com.arcadedb.bolt.BoltProtocolPlugin",
        "bolt.host": "127.0.0.1",
        "bolt.port": bolt_port,
        "bolt.defaultDatabase": DATABASE,
        "server.defaultDatabases": f"{DATABASE}[{ADMIN}]",
    }
    return [
        str(package() / "jre" / "bin" / "java"),
        f"-Xmx{heap_mb}m",
        "-Xms64m",
        "-XX:+UseSerialGC",
        "-XX:+UseCompactObjectHeaders",
        cache,
        "--add-modules=jdk.incubator.vector",
        "--enable-native-access=ALL-UNNAMED",
        "--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED",
        "--add-opens=java.base/java.nio.channels.spi=ALL-UNNAMED",
        "--add-opens=java.base/java.lang=ALL-UNNAMED",
        "-Djava.awt.headless=true",
        "-Dfile.encoding=UTF8",
        "-Dpolyglot.engine.WarnInterpreterOnly=false",
        f"-Djava.util.logging.config.file={root / 'log' / 'logging.properties'}",
        f"-XX:ErrorFile={root / 'log' / 'crash-%p.log'}",
        *(f"-Darcadedb.{name}={value}" for name, value in settings.items()),
        "-cp",
        os.pathsep.join(map(str, jars)),
        "com.arcadedb.server.ArcadeDBServer",
    ]


def environment() -> dict[str, str]:
    """Our environment without the variables by which a JVM takes further options."""
    unwanted = {"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH"}
    return {name: value for name, value in os.environ.items() if name not in unwanted}


def _group(access: list[str], types: list[str]) -> dict[str, object]:
    return {"resultSetLimit": -1, "readTimeout": -1, "access": access, "types": {"*": {"access": types}}}


def _hashed(password: str) -> str:
    # The engine takes the ASCII bytes of the base64 text as the salt, not the bytes that it stands for.
    salt = base64.b64encode(os.urandom(32)).decode()
    key = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), HASH_ROUNDS, 32)
    return f"PBKDF2WithHmacSHA256${HASH_ROUNDS}${salt}${base64.b64encode(key).decode()}"


def write_private(path: Path, text: str) -> None:
    """Replace a file, readable by its owner only from its first byte on."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)
