#!/usr/bin/env bash
# A real Neo4j Community on loopback, for tests: started empty, thrown away at the stop.
#
#   settings=$(deploy/neo4j/neo4j.sh start) && eval "$settings"    # not eval "$(…)": that hides a failed start
#   pytest tests/contracts
#   deploy/neo4j/neo4j.sh restart    # over what it holds
#   deploy/neo4j/neo4j.sh stop
#
# Needs Java 17 or 21 and, for the first run, Maven. Settings: NEO4J_VERSION, NEO4J_CACHE (where the server's jars are
# kept), NEO4J_M2 (Maven's local repository), NEO4J_JAVA, NEO4J_HEAP, NEO4J_PAGECACHE.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
version=${NEO4J_VERSION:-5.26.30}
cache=${NEO4J_CACHE:-$HOME/.cache/cmdb/neo4j}/$version
java=${NEO4J_JAVA:-${JAVA_HOME:+$JAVA_HOME/bin/java}}
java=${java:-java}

fetch() {
  [ -f "$cache/complete" ] && return
  rm -rf "$cache"
  mkdir -p "$cache"
  mvn -B -q -f "$here/pom.xml" -Dneo4j.version="$version" ${NEO4J_M2:+-Dmaven.repo.local="$NEO4J_M2"} \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$cache/lib" >&2
  touch "$cache/complete"
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

new_password() { python3 -c 'import secrets; print(secrets.token_hex(16))'; }

configure() { # home, port
  mkdir "$1/conf"
  cat > "$1/conf/neo4j.conf" <<CONF
server.default_listen_address=127.0.0.1
server.bolt.listen_address=127.0.0.1:$2
server.bolt.advertised_address=127.0.0.1:$2
server.http.enabled=false
server.https.enabled=false
server.memory.pagecache.size=${NEO4J_PAGECACHE:-64m}
dbms.security.auth_enabled=true
dbms.usage_report.enabled=false
# the server's own bound on a transaction: a client's timeout dies with the client
db.transaction.timeout=120s
# LOAD CSV would read files, and loopback addresses, for whoever may send Cypher
dbms.security.allow_csv_import_from_file_urls=false
internal.dbms.cypher_ip_blocklist=0.0.0.0/0,::/0
# 11 MB instead of 517 MB for an empty store. Not without room taken before: a log that was cut short by a full disk can't
# be read again
db.tx_log.rotation.size=4m
# a stop in 0.3 s instead of 10 s
internal.server.bolt.thread_pool_shutdown_wait_time=0s
internal.server.bolt.connection_shutdown_wait_time=0s
CONF
}

# the server's class; it differs from version to version
main_class() {
  if [ "${version%%.*}" -gt 5 ]; then echo org.neo4j.server.Neo4jCommunity; else echo org.neo4j.server.CommunityEntryPoint; fi
}

start() {
  fetch
  local home port password
  home=$(mktemp -d -t cmdb-neo4j.XXXXXX)
  port=$(free_port)
  password=$(new_password)
  configure "$home" "$port"
  if [ "${version%%.*}" -gt 5 ]; then echo server.fleet_discovery.enabled=false >> "$home/conf/neo4j.conf"; fi
  NEO4J_HOME=$home NEO4J_CONF=$home/conf "$java" -Xmx128m -XX:TieredStopAtLevel=1 -cp "$cache/lib/*" \
    org.neo4j.server.startup.Neo4jAdminCommand dbms set-initial-password "$password" > "$home/out.log" 2>&1
  launch "$home"
  printf 'export BOLT_URI=bolt://127.0.0.1:%s BOLT_USER=neo4j BOLT_PASSWORD=%s BOLT_DB=neo4j NEO4J_TEST_HOME=%s\n' \
    "$port" "$password" "$home"
}

launch() { # home
  local home=$1
  rm -f "$home/logs/neo4j.log" # its last line says when the server is there
  nohup "$java" -Xms64m -Xmx"${NEO4J_HEAP:-512m}" -XX:+UseSerialGC -Dlog4j2.disable.jmx=true -Dfile.encoding=UTF-8 \
    --add-opens=java.base/java.nio=ALL-UNNAMED --add-opens=java.base/java.io=ALL-UNNAMED \
    --add-opens=java.base/sun.nio.ch=ALL-UNNAMED --add-opens=java.base/java.util.concurrent=ALL-UNNAMED \
    -cp "$cache/lib/*" "$(main_class)" --home-dir="$home" --config-dir="$home/conf" >> "$home/out.log" 2>&1 < /dev/null &
  echo $! > "$home/pid"
  await_start "$home"
}

await_start() { # home
  local pid
  pid=$(cat "$1/pid")
  for _ in $(seq 900); do
    grep -q 'Started\.' "$1/logs/neo4j.log" 2> /dev/null && return
    if ! kill -0 "$pid" 2> /dev/null; then
      cat "$1/out.log" >&2
      echo "neo4j.sh: the server ended while it started; its log is above" >&2
      exit 1
    fi
    sleep 0.1
  done
  kill "$pid"
  echo "neo4j.sh: the server did not start in 90 s; see $1/logs" >&2
  exit 1
}

halt() { # home
  local pid
  pid=$(cat "$1/pid")
  kill "$pid" 2> /dev/null || true
  for _ in $(seq 300); do
    kill -0 "$pid" 2> /dev/null || break
    sleep 0.1
  done
  kill -9 "$pid" 2> /dev/null || true
}

restart() {
  local home=${NEO4J_TEST_HOME:?is not set: nothing to restart}
  halt "$home"
  launch "$home"
}

stop() {
  local home=${NEO4J_TEST_HOME:?is not set: nothing to stop}
  halt "$home"
  rm -rf "$home"
}

case ${1:-} in
  start) start ;;
  restart) restart ;;
  stop) stop ;;
  fetch) fetch ;;
  *)
    echo "usage: $0 start|restart|stop|fetch" >&2
    exit 2
    ;;
esac
