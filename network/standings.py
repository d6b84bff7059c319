"""Standings for Grafana: noise credit and soil risk as the views say them, certificates' days, and
when a DAG last went its round.

Credit and risk are judged by the views whenever somebody looks at the console; Grafana can only ask
a table, so the DAGs put a copy there. Nothing of ours reads it back.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from cryptography import x509

from network.views import facilities, soil_view
from registry import Registry
from registry.standings import Standing, keep_standing, keep_standings
from storage import Store

TLS_TIMEOUT_S = 10.0
UNKNOWN = "unknown"
# As the console's pages call them.
RISK_LABELS = {
    "high": "高于管制值 / above intervention",
    "between": "高于筛选值 / above screening",
    "low": "不高于筛选值 / within screening",
    "none": "无法评价 / not assessable",
}


def stand(now: datetime, *, store: Store, registry: Registry) -> dict[str, int]:
    """Write down the noise credit of all facilities and the risk of all plots; how many of each."""
    credits = [
        Standing(
            facility.station.id,
            None if facility.credit.score is None else float(facility.credit.score),
            facility.credit.grade.key if facility.credit.grade else UNKNOWN,
            f"{facility.credit.grade.key} {facility.credit.grade.zh} / {facility.credit.grade.en}"
            if facility.credit.grade
            else "无记录 / no record",
            facility.credit.on,
        )
        for facility in facilities(store=store, registry=registry, now=now)
    ]
    plots = []
    for plot in soil_view(registry=registry, now=now).plots:
        factor = plot.verdict.worst_factor if plot.verdict else None
        value = None if factor is None else float(factor)
        label = RISK_LABELS[plot.standing]
        plots.append(Standing(plot.station.id, value, plot.standing, label, plot.day))
    keep_standings(registry, "noise_credit", credits, at=now)
    keep_standings(registry, "soil_risk", plots, at=now)
    return {"noise_credit": len(credits), "soil_risk": len(plots)}


def note_round(dag: str, now: datetime, *, registry: Registry) -> None:
    """Write down that a DAG has done its work, so that its absence can be seen from outside."""
    went = Standing(dag, None, "", "完成一轮 / went its round", None)
    keep_standing(registry, "round", went, at=now)


def look_at_certificates(
    addresses: Iterable[str], now: datetime, *, registry: Registry
) -> dict[str, float | None]:
    """Write down how many days certificates still hold: at `host:port`, or in a file `/…`.

    None for what shows none: nobody listens there, it speaks no TLS, there is no such file. Raises
    ValueError for what is no address.
    """
    found: dict[str, float | None] = {}
    for address in addresses:
        place = None if address.startswith("/") else _parted(address)
        try:
            pem = Path(address).read_text("ascii") if place is None else certificate_at(*place)
            ends = x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc
            found[address] = round((ends - now).total_seconds() / 86400, 2)
        except (OSError, ValueError):
            found[address] = None
    keep_standings(
        registry,
        "certificate",
        [
            Standing(address, days, UNKNOWN if days is None else "", _label(days), None)
            for address, days in found.items()
        ],
        at=now,
    )
    return found


def certificate_at(host: str, port: int) -> str:
    """What a server shows, as PEM, whoever signed it: read for its dates, trusted with nothing.

    Raises OSError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((host, port), timeout=TLS_TIMEOUT_S) as plain,
        context.wrap_socket(plain, server_hostname=host) as secret,
    ):
        shown = secret.getpeercert(binary_form=True)
    if shown is None:
        raise OSError(f"{host}:{port} shows no certificate")
    return ssl.DER_cert_to_PEM_cert(shown)


def _label(days: float | None) -> str:
    return "读不到证书 / shows no certificate" if days is None else "有效期剩余 / days left"


def _parted(address: str) -> tuple[str, int]:
    host, _, port = address.strip().rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(
            f"ONENET_CERTIFICATES: {address!r} is no host:port nor /file, e.g. mosquitto:8883"
        )
    return host.strip("[]"), int(port)
