"""Evidence: what is known of an alert, frozen into a file that cannot be altered unseen."""

from alerts.evidence.chain import (
    ChainBreak,
    Evidence,
    NoSuchEvidence,
    evidence,
    evidence_of,
    freeze,
    freeze_due,
    known,
    verify_chain,
)
from alerts.evidence.verify import Fault, Verified, verify

__all__ = [
    "ChainBreak",
    "Evidence",
    "Fault",
    "NoSuchEvidence",
    "Verified",
    "evidence",
    "evidence_of",
    "freeze",
    "freeze_due",
    "known",
    "verify",
    "verify_chain",
]
