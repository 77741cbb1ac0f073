"""What tools print on hosts, in the forms that differ from distribution to distribution."""

from __future__ import annotations

import json
import re

import pytest

from collectors.facts import Named, Resolved
from collectors.hosts import read
from collectors.hosts.machine import is_virtual_machine, machine, os_release
from collectors.hosts.packages import Package, packages
from collectors.hosts.ports import configured, is_guest, ports
from collectors.hosts.processes import Process, processes
from collectors.hosts.products import KINDS, name_program, table
from collectors.hosts.read import READ_ONLY, SCRIPT
from collectors.hosts.sockets import Socket, established, listeners
from collectors.hosts.software import Known, instances, observe, sessions
from collectors.hosts.surroundings import chassis, neighbours, resolved
from collectors.scrub import PRIVATE, scrub_text
from collectors.transport.host_answers import HostAnswers, Section


def answers(**sections: str) -> HostAnswers:
    return HostAnswers({name: Section(name, "", text, "", 0) for name, text in sections.items()})


EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound here
LISTENING = [
    Socket("tcp", "LISTEN", EVERYWHERE, 22, holders=((7, "sshd"),)),
    Socket("tcp", "LISTEN", "::", 22, holders=((7, "sshd"),)),
]


@pytest.mark.parametrize(
    "printed",
    [
        'State Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n'
        'LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=7,fd=3))\n'
        'LISTEN 0 128 [::]:22 [::]:* users:(("sshd",pid=7,fd=4))\n',
        'LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=7,fd=3))\n'
        'LISTEN 0 128 *:22 *:* users:(("sshd",pid=7,fd=4))\n',
        "Proto Recv-Q Send-Q Local Address Foreign Address State PID/Program name\n"
        "tcp 0 0 0.0.0.0:22 0.0.0.0:* LISTEN 7/sshd\ntcp6 0 0 :::22 :::* LISTEN 7/sshd\n",
    ],
    ids=["ss", "ss, both families in one", "netstat"],
)  # fmt: skip
def test_listeners_in_all_forms(printed: str) -> None:
    assert listeners(answers(tcp_listeners=printed)) == LISTENING


def test_listeners_as_the_kernel_writes_them() -> None:
    row = "   0: {} 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n"
    far = row.replace("00000000:0000 0A", "0" * 32 + ":0000 0A")
    found = listeners(answers(tcp_listeners=row.format("0100007F:1538") + far.format("0" * 24 + "01000000:0050")))

    assert [s.place for s in found] == ["tcp/[::1]:80", "tcp/127.0.0.1:5432"]


def test_client_sockets_are_no_listeners() -> None:
    udp = (
        "UNCONN 0 0 0.0.0.0:68 0.0.0.0:*\nUNCONN 0 0 0.0.0.0:51234 0.0.0.0:*\n"
        "ESTAB 0 0 10.0.0.1:1000 10.0.0.2:53\nUNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:*\n"
    )
    tcp = "ESTAB 0 0 10.0.0.1:22 10.0.0.2:999\nTIME-WAIT 0 0 10.0.0.1:80 10.0.0.2:999\n"

    assert [s.place for s in listeners(answers(udp_listeners=udp, tcp_listeners=tcp))] == [
        "udp/127.0.0.53:53", "udp/0.0.0.0:68"
    ]  # fmt: skip


def test_sessions_are_the_established_ones() -> None:
    printed = (
        'ESTAB 0 0 [::ffff:10.0.0.1]:80 [::ffff:10.0.0.9]:4000 users:(("a \\"b",pid=3,fd=1),("a",pid=4,fd=1))\n'
        "CLOSE-WAIT 1 0 10.0.0.1:80 10.0.0.9:4001\ngarbage\n\n"
    )

    assert established(answers(sessions=printed)) == [
        Socket("tcp", "ESTAB", "10.0.0.1", 80, "10.0.0.9", 4000, ((3, 'a \\"b'), (4, "a")))
    ]


@pytest.mark.parametrize("text", ["", "\n", "State", "tcp x", "LISTEN 0 128 nowhere 0", "\ufffd" * 50])
def test_nonsense_is_nothing(text: str) -> None:
    names = [command.name for command in SCRIPT]
    said = answers(**dict.fromkeys(names, text))

    assert listeners(said) == established(said) == ports(said) == configured(said) == []
    assert (neighbours(said), resolved(said), chassis(said), processes(said)) == ((), (), None, {})


MASTER = Process(10, 1, "root", "nginx: master process /usr/sbin/nginx", "/usr/sbin/nginx")
WORKER = Process(11, 10, "www-data", "nginx: worker process", "/usr/sbin/nginx")
APP = Process(20, 1, "app", "/usr/bin/python3 /opt/shop/server.py", "/usr/bin/python3.11")
CHILD = Process(21, 20, "app", "/usr/bin/python3 /opt/shop/server.py", "/usr/bin/python3.11")
SHELL = Process(30, 10, "root", "/bin/sh -c /usr/bin/rotate", "/usr/bin/dash")


def known(*found: Process) -> Known:
    return Known({p.pid: p for p in found}, {}, {})


def listening(port: int, *pids: int, address: str = EVERYWHERE, name: str = "x") -> Socket:
    return Socket("tcp", "LISTEN", address, port, holders=tuple((pid, name) for pid in pids))


def keys(sockets: list[Socket], told: Known) -> dict[str, str]:
    return {i.key: i.program.product for i in instances(sockets, told)}


@pytest.mark.parametrize(
    ("sockets", "expected"),
    [
        ([listening(443, 10, 11), listening(80, 10, 11)], {"tcp-80": "nginx"}),
        ([listening(80, 10, 11), listening(8000, 20, 21)], {"tcp-80": "nginx", "tcp-8000": "shop"}),
        (
            [listening(80, 10, address="10.0.0.1"), listening(80, 20, address="10.0.0.2")],
            {"tcp-80@10.0.0.1": "nginx", "tcp-80@10.0.0.2": "shop"},
        ),
        ([listening(80, 10), listening(80, 20)], {"tcp-80@0.0.0.0": "nginx", "tcp-80@0.0.0.0-shop": "shop"}),
        ([listening(40000, 20)], {"shop": "shop"}),
        ([listening(40000, 20), listening(5000, 20)], {"tcp-5000": "shop"}),
        ([listening(5432)], {"tcp-5432": ""}),
        ([listening(80)], {"tcp-80": "nginx"}),
        ([listening(50000, address="127.0.0.1")], {}),
        ([listening(9999, 77, name="redis-server")], {"tcp-9999": "redis"}),
        ([listening(9999, 77, name="own-thing")], {"tcp-9999": "own-thing"}),
    ],
    ids=[
        "ports of one program", "two programs", "one port, two addresses", "one port, shared", "port of the kernel",
        "port of the kernel beside another", "not shown, nobody fits", "not shown, one fits", "inside talk",
        "process gone, name known", "process gone",
    ],
)  # fmt: skip
def test_instances_are_known_by_their_lowest_port(sockets: list[Socket], expected: dict[str, str]) -> None:
    told = known(MASTER, WORKER, APP, CHILD, SHELL)

    assert keys(sockets, told) == expected
    assert keys(sockets[::-1], told) == expected


def test_two_programs_that_fit_a_hidden_port_leave_it_unnamed() -> None:
    other = Process(12, 1, "root", "/usr/sbin/apache2 -k start", "/usr/sbin/apache2")

    assert keys([listening(80)], known(MASTER, other)) == {"tcp-80": ""}


def test_numbers_of_processes_are_in_no_instance() -> None:
    before = observe(instances([listening(80, 10, 11)], known(MASTER, WORKER)), "device")
    later = [Process(p.pid + 500, p.parent + 500, p.user, p.arguments, p.executable) for p in (MASTER, WORKER)]
    after = observe(instances([listening(80, 510, 511)], known(*later)), "device")

    assert before == after


@pytest.mark.parametrize(
    ("pid", "expected"), [(11, "tcp-80"), (21, "tcp-8000"), (30, ""), (99, "")], ids=["worker", "child", "job", "gone"]
)
def test_sessions_belong_to_the_program_that_opened_them(pid: int, expected: str) -> None:
    told = known(MASTER, WORKER, APP, CHILD, SHELL)
    found = instances([listening(80, 10, 11), listening(8000, 20)], told)
    session = Socket("tcp", "ESTAB", "10.0.0.1", 45000, "10.0.0.2", 5432, ((pid, "x"),))

    assert [(s.process, s.inbound) for s in sessions([session], found, told.processes)] == [(expected, False)]


@pytest.mark.parametrize(
    ("arguments", "executable", "product", "kind"),
    [
        ("/usr/bin/python3 /opt/billing/server.py", "/usr/bin/python3.11", "billing", "application_server"),
        ("python3 -u -W ignore /srv/shop/current/bin/main.py --port 1", "", "shop", "application_server"),
        ("/usr/bin/python3 -m http.server 8000", "/usr/bin/python3", "http", "application_server"),
        ("/usr/bin/python3 /usr/bin/gunicorn shop.wsgi", "/usr/bin/python3.11", "gunicorn", "application_server"),
        ("node /opt/chat/dist/index.js", "/usr/bin/node", "chat", "application_server"),
        ("node /opt/app/app.js", "/usr/bin/node", "app", "application_server"),
        ("java -Xmx1g -jar /opt/x/invoice-api-2.3.1.jar", "/usr/bin/java", "invoice-api", "application_server"),
        ("java -cp a:b com.example.Ledger", "/usr/bin/java", "Ledger", "application_server"),
        ("java -Dx=y org.apache.catalina.startup.Bootstrap start", "/usr/bin/java", "tomcat", "application_server"),
        ("/usr/lib/erlang/bin/beam.smp -sname rabbit", "/usr/lib/erlang/bin/beam.smp", "rabbitmq", "message_broker"),
        ("postgres: writer", "/usr/lib/postgresql/15/bin/postgres", "postgresql", "database"),
        ("/usr/sbin/mysqld", "/usr/sbin/mysqld", "mysql", "database"),
        ("/usr/lib/postfix/sbin/master -w", "/usr/lib/postfix/sbin/master", "postfix", "other"),
        ("python3 consumer.py --broker rabbitmq", "/usr/bin/python3", "consumer", "application_server"),
        ("/opt/own/bin/thing --x", "/opt/own/bin/thing", "thing", "other"),
        ("sshd: /usr/sbin/sshd -D", "", "openssh", "other"),
    ],
)  # fmt: skip
def test_programs_are_named_by_general_rules(arguments: str, executable: str, product: str, kind: str) -> None:
    program = name_program(Process(5, 1, "u", arguments, executable), "", {}, {})

    assert (program.product, program.kind) == (product, kind)


@pytest.mark.parametrize(
    ("executable", "owners", "expected"),
    [
        ("/usr/sbin/nginx", {"/usr/sbin/nginx": "nginx"}, "1.22.1"),
        ("/usr/sbin/nginx", {}, "1.22.1"),
        ("", {}, "1.22.1"),
        ("/usr/local/sbin/nginx", {}, ""),
        ("/opt/nginx/sbin/nginx", {}, ""),
    ],
)
def test_versions_come_from_the_package_that_brought_the_program(
    executable: str, owners: dict[str, str], expected: str
) -> None:
    installed = {"nginx": Package("deb", "nginx", "1.22.1-9+deb12u1")}
    process = Process(5, 1, "root", "nginx: master process", executable)

    assert name_program(process, "", installed, owners).version == expected


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        (Package("deb", "x", "1:9.2p1-2+deb12u4"), "9.2p1"),
        (Package("deb", "x", "5.9.3+dfsg-2+deb12u1"), "5.9.3"),
        (Package("deb", "x", "5:7.0.15-1~deb12u1"), "7.0.15"),
        (Package("rpm", "x", "10.5.22-1.el9_2"), "10.5.22"),
        (Package("apk", "x", "2.0.18-r0"), "2.0.18"),
        (Package("deb", "x", "20230311"), "20230311"),
    ],
)
def test_versions_as_the_makers_count(package: Package, expected: str) -> None:
    assert package.upstream == expected


def test_removed_packages_are_not_installed() -> None:
    dpkg = "ii \tkept\t1\tall\nrc \tremoved\t1\tall\nhi \theld\t2\tamd64\nun \tnever\t\t\nbroken line\n"

    assert [p.name for p in packages(answers(dpkg=dpkg))] == ["held", "kept"]


def test_package_urls() -> None:
    assert Package("deb", "openssl", "3.0.15-1~deb12u1", "amd64").purl("debian") == (
        "pkg:deb/debian/openssl@3.0.15-1~deb12u1?arch=amd64"
    )
    assert Package("rpm", "gcc-c++", "1+2", "", "3").purl("rhel") == "pkg:rpm/redhat/gcc-c%2B%2B@1%2B2?epoch=3"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("docker0", True), ("br-0123456789ab", True), ("veth1a2b3c4", True), ("cali0123456789a", True), ("vnet3", True),
        ("virbr0", True), ("lo", False), ("eth0", False), ("br0", False), ("veth", False), ("bond0.20", False),
    ],
)  # fmt: skip
def test_interfaces_of_guests(name: str, expected: bool) -> None:
    assert is_guest(name) is expected


def test_interfaces_of_a_pair_have_their_own_name_and_no_guessed_type() -> None:
    link = (
        "4: eth0@if12: <BROADCAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP qlen 1000\\"
        "    link/ether 02:AA:00:00:00:01 brd ff:ff:ff:ff:ff:ff link-netnsid 0\\    veth addrgenmode eui64"
        "\\    alias to bridge\n"
    )
    (port,) = ports(answers(links=link))

    assert port.attributes == {
        "name": "eth0", "if_index": 4, "mac_address": "02:aa:00:00:00:01", "mtu": 1500, "alias": "to bridge",
        "admin_status": "up", "oper_status": "up",
    }  # fmt: skip


def test_sysfs_of_another_network_namespace_is_not_believed() -> None:
    link = "4: eth0: <UP,LOWER_UP> mtu 1500 state UP\\    link/ether 02:aa:00:00:00:01 brd ff:ff:ff:ff:ff:ff\n"
    row = "eth0\t{}\t02:aa:00:00:00:01\t1500\t1000\t1\tup\t0x1003\tdevice\t-\t-\t-\n"
    own, foreign = (ports(answers(links=link, sysfs_links=row.format(n)))[0] for n in (4, 2))

    assert (own.speed_bps, own.type) == (1_000_000_000, "ethernetCsmacd")
    assert (foreign.speed_bps, foreign.type) == (0, "")


def test_interfaces_without_ip() -> None:
    rows = (
        "lo\t1\t00:00:00:00:00:00\t65536\t\t772\tunknown\t0x9\t-\t-\t-\t-\n"
        "wlan0\t3\t02:aa:00:00:00:03\t1500\t\t1\tdown\t0x1002\tdevice\twireless\t-\t-\n"
    )
    found = ports(answers(sysfs_links=rows))

    assert [(p.name, p.type, p.admin_up, p.oper_status) for p in found] == [
        ("lo", "softwareLoopback", True, "up"), ("wlan0", "ieee80211", False, "down")
    ]  # fmt: skip


@pytest.mark.parametrize(
    "printed",
    [
        "2: eth0    inet 10.0.0.5/24 brd 10.0.0.255 scope global eth0\\       valid_lft forever\n",
        "1: lo: <LOOPBACK,UP> mtu 65536\n    inet 127.0.0.1/8 scope host lo\n"
        "2: eth0@if3: <UP> mtu 1500\n    inet 10.0.0.5/24 scope global eth0\n",
        "eth0      Link encap:Ethernet  HWaddr 02:AA:00:00:00:01\n"
        "          inet addr:10.0.0.5  Bcast:10.0.0.255  Mask:255.255.255.0\n",
        "eth0: flags=4163<UP,BROADCAST>  mtu 1500\n        inet 10.0.0.5  netmask 255.255.255.0\n",
    ],
    ids=["ip -o", "ip", "ifconfig, old", "ifconfig"],
)
def test_addresses_in_all_forms(printed: str) -> None:
    assert [(n, str(c.address), c.prefix_length) for n, c in configured(answers(addresses=printed))] == [
        ("eth0", "10.0.0.5", 24)
    ]


def test_resolved_addresses_in_both_forms() -> None:
    arp = (
        "IP address       HW type     Flags       HW address            Mask     Device\n"
        "10.0.0.1         0x1         0x2         00:1D:E5:84:98:C0     *        eth0\n"
        "10.0.0.9         0x1         0x0         00:00:00:00:00:00     *        eth0\n"
    )
    modern = (
        "10.0.0.1 dev eth0 lladdr 00:1d:e5:84:98:c0 STALE\n10.0.0.9 dev eth0 FAILED\n"
        "172.17.0.2 dev docker0 lladdr 02:42:ac:11:00:02 REACHABLE\n"
    )
    expected = (Resolved("10.0.0.1", "00:1d:e5:84:98:c0", "eth0"),)

    assert resolved(answers(neighbours=arp)) == resolved(answers(neighbours=modern)) == expected


def test_lldp_with_and_without_lists_and_after_a_warning() -> None:
    chassis_of = {"id": {"type": "local", "value": "sw-9"}, "name": {"value": "sw-9"}}
    told = {"lldp": {"interface": {"name": "eth0", "via": "CDPv2", "chassis": chassis_of, "port": {}}}}
    (found,) = neighbours(answers(lldp_neighbours="[WARN] something\n" + json.dumps(told)))

    assert (found.protocol, found.port, found.chassis, found.far_port) == (
        "cdp", "eth0", Named("local", "sw-9"), None
    )  # fmt: skip


@pytest.mark.parametrize(
    ("maker", "product", "expected"),
    [
        ("QEMU", "Standard PC (Q35 + ICH9, 2009)", True), ("VMware, Inc.", "VMware20,1", True),
        ("Microsoft Corporation", "Virtual Machine", True), ("Microsoft Corporation", "Surface Pro", False),
        ("Amazon EC2", "m5.large", True), ("Amazon EC2", "m5.metal", False), ("Google", "Google Compute Engine", True),
        ("Dell Inc.", "PowerEdge R650", False), ("Red Hat", "KVM", True), ("Xen", "HVM domU", True), ("", "", False),
        ("Supermicro", "Super Server", False), ("Apple Inc.", "Macmini8,1", False),
    ],
)  # fmt: skip
def test_virtual_machines_by_what_smbios_says(maker: str, product: str, expected: bool) -> None:
    assert is_virtual_machine(maker, product) is expected


@pytest.mark.parametrize(
    ("vendor", "number", "expected"),
    [
        ("Dell Inc.", "7XK2PQ3", ("serial:dell:7XK2PQ3", True)),
        ("Nobody Known Ltd", "7XK2PQ3", ("serial:unknown:7XK2PQ3", False)),
        ("Dell Inc.", "To be filled by O.E.M.", None),
        ("Dell Inc.", "0000000", None),
    ],
)
def test_serial_numbers_are_strong_only_with_their_maker(
    vendor: str, number: str, expected: tuple[str, bool] | None
) -> None:
    said = answers(dmi=f"sys_vendor\t{vendor}\n", dmi_guarded=f"product_serial\t{number}\nproduct_uuid\t\n")
    found = [(i.key, i.strong) for i in machine("h", "", said, []).identifiers if i.key.startswith("serial:")]

    assert found == ([expected] if expected else [])


def test_shared_uuids_and_default_names_do_not_identify() -> None:
    said = answers(
        dmi_guarded="product_uuid\t03000200-0400-0500-0006-000700080009\n", kernel="Linux\n6\nx86_64\nlocalhost\n"
    )

    assert [i.key for i in machine("h", "127.0.0.1", said, []).identifiers] == ["target:h"]
    assert "management_address" not in machine("h", "127.0.0.1", said, []).attributes


def test_os_release_takes_quotes_off() -> None:
    assert os_release(["NAME='A \"B\"'", 'VERSION="1 \\"x\\""', "# no", "ID=a"]) == {
        "NAME": 'A "B"', "VERSION": '1 "x"', "ID": "a"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "gone"),
    [
        ("app --db-password=hunter2 --port 1", "hunter2"), ("app --token hunter2", "hunter2"),
        ("PGPASSWORD=hunter2 psql", "hunter2"), ("java -Dspring.datasource.password=hunter2 -jar x", "hunter2"),
        ("x amqp://user:hunter2@host/", "hunter2"), ("mysql -u root -phunter2 db", "hunter2"),
        ("redis-cli -a hunter2 ping", "hunter2"), ("curl -u me:hunter2 http://x", "hunter2"),
        ("snmpwalk -v2c -c hunter2 10.0.0.1", "hunter2"), ("redis-server --requirepass hunter2", "hunter2"),
        ("curl -H 'Authorization: Bearer hunter2hunter2'", "hunter2"), ("sshpass -p hunter2 ssh x", "hunter2"),
        ("app --api-key='hunter 2' x", "hunter"), ("ldapsearch -D cn=x -w hunter2", "hunter2"),
    ],
)  # fmt: skip
def test_secrets_are_taken_out_of_command_lines(line: str, gone: str) -> None:
    assert gone not in scrub_text(line)
    assert PRIVATE in scrub_text(line)


@pytest.mark.parametrize(
    "line",
    [
        "/usr/sbin/nginx -g daemon on;", "/usr/sbin/snmpd -LOw -C -c /etc/snmp/snmpd.conf", "curl https://example.net/a:b",
        "libsecret-1-0:amd64: /usr/lib/x", "ii \tbase-passwd\t3.6.1\tamd64", "postgres -D /var/lib/postgresql",
    ],
)  # fmt: skip
def test_innocent_text_stays(line: str) -> None:
    assert scrub_text(line) == line


def test_the_script_calls_nothing_but_what_reads() -> None:
    words: set[str] = set()
    for command in SCRIPT:
        text = re.sub(r"'[^']*'", "''", command.shell)
        assert ">" not in re.sub(r"2?>\s*/dev/null|-> ", "", text), f"{command.name} writes"
        for part in re.split(r"\|\||&&|[;|{}]|\$\(|\bdo\b|\bthen\b|\belse\b|\belif\b|\bif\b", text):
            first = next((w for w in part.split() if w != "$S" and not re.fullmatch(r"\w+=.*", w)), "")
            words.add(first)
    shell_words = {"continue", "for", "fi", "done", "in", "", ")", "2>/dev/null", '"', "command"}

    assert {w.strip('"$)') for w in words} - READ_ONLY - {w.strip('"$)') for w in shell_words} == set()


def test_no_environment_of_a_process_is_read() -> None:
    assert [command.name for command in SCRIPT if "environ" in command.shell] == []


def test_products_are_told_apart() -> None:
    executables = [name for product in table() for name in product.executables]

    assert len(executables) == len(set(executables))
    assert {product.kind for product in table()} == KINDS
    assert len({product.product for product in table()}) == len(table())


def test_names_of_sections_are_unique() -> None:
    names = [command.name for command in SCRIPT]

    assert len(names) == len(set(names))
    assert set(names) == {
        v for k, v in vars(read).items() if k.isupper() and not k.startswith("_") and isinstance(v, str)
    }
