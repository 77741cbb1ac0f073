"""MAC addresses: which of them are burned into one device only."""

from __future__ import annotations

# VRRP for IPv4 and IPv6 (RFC 9568), HSRP versions 1 and 2, GLBP: a group of devices shares them.
SHARED = ("00:00:5e:00:01:", "00:00:5e:00:02:", "00:00:0c:07:ac:", "00:00:0c:9f:f", "00:05:73:a0:0", "00:07:b4:00:")
# Written over real addresses by people, or left in by makers before programming.
MADE_UP = (
    "00:00:00:",
    "00:11:22:33:44:",
    "11:22:33:",
    "12:34:56:",
    "aa:bb:cc:",
    "de:ad:be:",
    "ff:ff:ff:",
    "01:23:45:",
    "00:01:02:03:04:",
)


def is_burned_in(mac: str) -> bool:
    """Whether an address (`00:1d:e5:84:98:c0`) is universally administered, unicast, not shared, not made up."""
    first = int(mac[:2], 16)
    if first & 3 or mac.startswith(SHARED) or mac.startswith(MADE_UP):
        return False
    return len(set(mac.split(":"))) > 2
