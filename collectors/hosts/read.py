"""What is asked of a host: one script, which only reads."""

from __future__ import annotations

from collectors.transport.host_answers import Command, HostAnswers, HostSession, Script

OS = "os"
RELEASE = "release"
KERNEL = "kernel"
MACHINE_ID = "machine_id"
DMI = "dmi"
DMI_GUARDED = "dmi_guarded"
DMIDECODE = "dmidecode"
DEVICE_TREE = "device_tree"
CPUS = "cpus"
MEMORY = "memory"
LINKS = "links"
SYSFS_LINKS = "sysfs_links"
ADDRESSES = "addresses"
NEIGHBOURS = "neighbours"
DPKG = "dpkg"
RPM = "rpm"
APK = "apk"
TCP_LISTENERS = "tcp_listeners"
UDP_LISTENERS = "udp_listeners"
SESSIONS = "sessions"
PROCESSES = "processes"
EXECUTABLES = "executables"
OWNERS = "owners"
UNITS = "units"
LLDP_CHASSIS = "lldp_chassis"
LLDP_NEIGHBOURS = "lldp_neighbours"
GUESTS = "guests"
MOUNTS = "mounts"
SIZES = "sizes"

_DMI = "/sys/class/dmi/id"

_FILES = (
    Command(OS, "cat /etc/os-release || cat /usr/lib/os-release"),
    Command(RELEASE, "cat /etc/debian_version /etc/redhat-release /etc/alpine-release 2>/dev/null"),
    Command(KERNEL, "uname -s; uname -r; uname -m; uname -n"),
    Command(MACHINE_ID, "cat /etc/machine-id || cat /var/lib/dbus/machine-id"),
    Command(
        DMI,
        f"[ -d {_DMI} ] || exit 125; for f in sys_vendor product_name product_version chassis_type board_vendor"
        f" board_name bios_vendor; do printf '%s\\t' $f; cat {_DMI}/$f || echo; done",
    ),
    Command(
        DMI_GUARDED,
        f"[ -d {_DMI} ] || exit 125; for f in product_serial product_uuid chassis_serial; do printf '%s\\t' $f;"
        f" $S cat {_DMI}/$f || echo; done",
    ),
    Command(DMIDECODE, f"[ -d {_DMI} ] && exit 125; $S dmidecode -t system"),
    Command(
        DEVICE_TREE,
        "[ -d /proc/device-tree ] || exit 125; for f in model serial-number; do printf '%s\\t' $f;"
        " tr -d '\\000' < /proc/device-tree/$f; echo; done",
    ),
    Command(CPUS, "grep -c ^processor /proc/cpuinfo"),
    Command(MEMORY, "grep ^MemTotal /proc/meminfo"),
)

# `ip -d` and `-o` are refused by some small `ip`s; what they print without is read as well.
_NETWORK = (
    Command(LINKS, "ip -d -o link show 2>/dev/null || ip -o link show 2>/dev/null || ip link show"),
    Command(
        SYSFS_LINKS,
        "cd /sys/class/net || exit 125; for d in *; do [ -d $d ] || continue; printf '%s' $d;"
        " for f in ifindex address mtu speed type operstate flags; do v=; read -r v 2>/dev/null < $d/$f;"
        " printf '\\t%s' $v; done; for f in device wireless bonding bridge; do"
        " if [ -e $d/$f ]; then printf '\\t%s' $f; else printf '\\t-'; fi; done; echo; done",
    ),
    Command(ADDRESSES, "ip -o addr show 2>/dev/null || ip addr show 2>/dev/null || ifconfig -a"),
    Command(NEIGHBOURS, "ip neigh show 2>/dev/null || cat /proc/net/arp"),
    # Debian lets the group of lldpd alone run it: `command -v` would not even find it.
    Command(LLDP_CHASSIS, "$S lldpcli -f json0 show chassis"),
    Command(LLDP_NEIGHBOURS, "$S lldpcli -f json0 show neighbors details"),
)

# Kernel threads have no executable: `ls` complains and still lists the others. sudo that is refused lists nothing.
_LS_EXE = '{ $S ls -l /proc/[0-9]*/exe; [ -z "$S" ] || ls -l /proc/[0-9]*/exe; } 2>/dev/null'

_SOFTWARE = (
    Command(
        DPKG,
        "command -v dpkg-query >/dev/null || exit 125;"
        " dpkg-query -W -f='${db:Status-Abbrev}\\t${Package}\\t${Version}\\t${Architecture}\\n'",
    ),
    Command(
        RPM,
        "command -v rpm >/dev/null || exit 125;"
        " rpm -qa --qf '%{NAME}\\t%{EPOCH}\\t%{VERSION}-%{RELEASE}\\t%{ARCH}\\t%{VENDOR}\\n'",
    ),
    Command(APK, "[ -r /lib/apk/db/installed ] || exit 125; grep '^[PVA]:' /lib/apk/db/installed"),
    Command(
        TCP_LISTENERS,
        "$S ss -tlnp 2>/dev/null || ss -tlnp 2>/dev/null || $S netstat -tlnp 2>/dev/null ||"
        " netstat -tln 2>/dev/null || cat /proc/net/tcp /proc/net/tcp6",
    ),
    Command(
        UDP_LISTENERS,
        "$S ss -ulnp 2>/dev/null || ss -ulnp 2>/dev/null || $S netstat -ulnp 2>/dev/null ||"
        " netstat -uln 2>/dev/null || cat /proc/net/udp /proc/net/udp6",
    ),
    Command(
        SESSIONS,
        "$S ss -tnp 2>/dev/null || ss -tnp 2>/dev/null || $S netstat -tnp 2>/dev/null ||"
        " netstat -tn 2>/dev/null || cat /proc/net/tcp /proc/net/tcp6",
    ),
    Command(PROCESSES, "ps -eww -o pid=,ppid=,user:32=,args= 2>/dev/null || ps -o pid,ppid,user,args"),
    Command(EXECUTABLES, f"{_LS_EXE} | sed -n 's|.*/proc/\\([0-9]*\\)/exe -> |\\1 |p'"),
    Command(UNITS, "grep -H -e '^0::' -e name=systemd: /proc/[0-9]*/cgroup 2>/dev/null"),
    Command(
        OWNERS,
        f"p=$({_LS_EXE} | sed -n 's/.* -> //p' | grep ^/ | grep -v ' ' | sort -u | head -n 300);"
        ' [ -n "$p" ] || exit 125; if command -v dpkg-query >/dev/null; then dpkg-query -S $p 2>/dev/null;'
        " elif command -v rpm >/dev/null; then for f in $p; do n=$(rpm -qf --qf '%{NAME}' $f 2>/dev/null)"
        ' && echo "$n: $f"; done; else exit 125; fi',
    ),
)

# `-r` lets virsh ask and change nothing; without a URI an account would see the machines of its own session only.
_VIRSH = "$S virsh -r -c qemu:///system list --uuid --name"
_GUESTS = (
    Command(
        GUESTS,
        f"command -v virsh >/dev/null || exit 125; echo running; {_VIRSH} && echo inactive && {_VIRSH} --inactive",
    ),
)

# `-l` keeps df from waiting for a server that is gone; BusyBox has no such option.
_MOUNTS = (
    Command(MOUNTS, "cat /proc/self/mounts 2>/dev/null || cat /etc/mtab"),
    Command(SIZES, "df -Pkl 2>/dev/null || df -Pk"),
)

SCRIPT: Script = (*_FILES, *_NETWORK, *_SOFTWARE, *_GUESTS, *_MOUNTS)

# Programs that the script may call. None of them can change anything with the arguments it gives.
READ_ONLY = frozenset(
    (
        *(
            "[",
            "cat",
            "cd",
            "command",
            "df",
            "dmidecode",
            "dpkg-query",
            "echo",
            "exit",
            "grep",
            "head",
            "ifconfig",
            "ip",
        ),
        *("lldpcli", "ls", "netstat", "printf", "ps", "read", "rpm", "sed", "sort", "ss", "tr", "uname", "virsh"),
    )
)


async def read_host(session: HostSession) -> HostAnswers:
    """Ask a host everything, in one round trip. Raises TransportFailure."""
    return await session.run(SCRIPT)
