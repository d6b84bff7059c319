"""Whose MN it is and whether the password fits: the registry's loggers, kept in memory.

Argon2 is slow on purpose and runs beside the loop. A password that was right once is remembered as
a keyed digest, by the hash that it fits; every comparison takes constant time.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from concurrent.futures import ThreadPoolExecutor

import structlog
from sqlalchemy.exc import OperationalError

from ingest.gateway.limits import Guesses
from ingest.hj212 import Packet
from registry import Registry
from registry.loggers import Admitted, admitted_loggers, fits
from schemas import Rejected

log = structlog.get_logger()

UNKNOWN_MN, WRONG_PASSWORD = "hj212_mn_unknown", "hj212_password_wrong"


class Admission:
    def __init__(self, registry: Registry, guesses: Guesses) -> None:
        self._registry = registry
        self._guesses = guesses
        self._loggers: dict[str, Admitted] = {}
        self._version = -1
        self._key = secrets.token_bytes(32)
        self._right: dict[str, bytes] = {}  # by hash: digest of the password that fits it
        self._slow = ThreadPoolExecutor(2, thread_name_prefix="argon2")
        self.registry_ok = False

    def renew(self) -> bool:
        """Read the loggers again if the registry has changed; True where it has.

        With the registry away those known before stay: what they bring is kept by the broker.
        """
        try:
            version = self._registry.version()
            changed = version != self._version
            if changed:
                self._loggers = admitted_loggers(self._registry)
                self._version = version
        except OperationalError as error:
            if self.registry_ok:
                log.warning("registry away, the known loggers stay", error=str(error))
            self.registry_ok = False
            return False
        self.registry_ok = True
        return changed

    def find(self, mn: str) -> Admitted | None:
        return self._loggers.get(mn)

    async def admit(self, packet: Packet, peer: str) -> Admitted:
        """Whose packet it is. Raises Rejected for an unknown MN and for a wrong password."""
        logger = self.find(packet.mn)
        if logger is not None and self._guesses.too_many(peer, packet.mn):
            raise _refused(packet, WRONG_PASSWORD, "this address has guessed too often: wait 5 min")
        fits = await self._fits(packet.pw, logger.hash if logger else None)
        if logger is None:
            raise _refused(packet, UNKNOWN_MN, "an MN that a sensor is registered with")
        if not fits:
            self._guesses.wrong(peer, packet.mn)
            raise _refused(packet, WRONG_PASSWORD, "the password that was given to this MN")
        return logger

    async def _fits(self, password: str, hashed: str | None) -> bool:
        digest = hmac.digest(self._key, password.encode(), hashlib.sha256)

        def slowly() -> bool:
            known = self._right.get(hashed or "")  # somebody may have been let in while we waited
            if known is not None:
                return hmac.compare_digest(known, digest)
            right = fits(password, hashed)
            if right and hashed is not None:
                self._right[hashed] = digest
            return right

        known = self._right.get(hashed or "")
        if known is not None:
            return hmac.compare_digest(known, digest)
        return await asyncio.get_running_loop().run_in_executor(self._slow, slowly)

    def close(self) -> None:
        self._slow.shutdown(cancel_futures=True)


def _refused(packet: Packet, code: str, rule: str) -> Rejected:
    """The value is the MN in both cases: a password stands in no reason."""
    remedy = "register the MN (onenet sensors logger), or correct it at the logger"
    if code == WRONG_PASSWORD:
        remedy = "set the logger's PW, or give the MN a new one (onenet sensors logger)"
    return Rejected(code, field="MN", value=packet.mn, rule=rule, remedy=remedy)
