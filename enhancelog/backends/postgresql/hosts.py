"""Of several hosts in an address, the one that is known to answer."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

# Parameters of libpq that are lists of the same length. A single port is that of all hosts.
LISTS: Final = ("host", "hostaddr", "port")


class Host(NamedTuple):
    name: str  # or an address without one
    port: str


def first(params: Mapping[str, Any], wanted: Host) -> dict[str, Any]:
    """The same parameters of a connection with that host before the others, if it is among them."""
    lists = {name: str(params[name]).split(",") for name in LISTS if params.get(name)}
    hosts = _hosts(lists)
    number = next((at for at, host in enumerate(hosts) if host in (wanted, Host(wanted.name, ""))), None)
    if number is None:
        return dict(params)
    found = {**params}
    for name, values in lists.items():
        if len(values) == len(hosts):
            found[name] = ",".join([values[number], *values[:number], *values[number + 1 :]])
    if "load_balance_hosts" in params:  # or a host that does not answer can come first
        found["load_balance_hosts"] = "disable"
    return found


def _hosts(lists: Mapping[str, list[str]]) -> list[Host]:
    addresses = lists.get("hostaddr", [])
    names = lists.get("host") or [""] * len(addresses)
    ports = lists.get("port", [""])
    if len(ports) == 1:
        ports = ports * len(names)
    addresses = addresses or [""] * len(names)
    return [Host(name or address, port) for name, address, port in zip(names, addresses, ports, strict=False)]
