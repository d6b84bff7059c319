"""Pictures of sensors, and codes that a camera reads.

A picture is decoded and encoded anew: what it says of the place and the phone is gone, and so is
whatever was hidden in it.
"""

from __future__ import annotations

import io
import json

import segno
import zxingcpp
from PIL import Image, ImageOps, UnidentifiedImageError

from registry.credentials import Issued
from registry.problems import Problem, Refused
from schemas.registry import Sensor

MOST_BYTES = 8 * 2**20
MOST_PIXELS = 50_000_000
LONGEST_SIDE = 1600
KINDS = ("JPEG", "PNG", "WEBP")
LABEL_CODES = zxingcpp.BarcodeFormats(
    [
        zxingcpp.BarcodeFormat.QRCode,
        zxingcpp.BarcodeFormat.DataMatrix,
        zxingcpp.BarcodeFormat.Code128,
    ]
)


def as_jpeg(content: bytes) -> bytes:
    """A picture for keeping. Raises Refused for what is none, or too large."""
    if len(content) > MOST_BYTES:
        raise Refused([Problem("picture_large", "photo", "", {"most": MOST_BYTES // 2**20})])
    try:
        upright = _decoded(content)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        raise Refused([Problem("picture_unknown", "photo", "")]) from None
    if upright is None:
        raise Refused([Problem("picture_large", "photo", "", {"most": MOST_BYTES // 2**20})])
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    target = io.BytesIO()
    upright.save(target, "JPEG", quality=82)
    return target.getvalue()


def read_codes(content: bytes) -> list[str]:
    """What the codes in a picture say: QR, Data Matrix and Code 128, as labels bear them.

    Raises Refused for what is no picture.
    """
    picture = Image.open(io.BytesIO(as_jpeg(content)))
    found = zxingcpp.read_barcodes(picture, formats=LABEL_CODES)
    return [code.text for code in found if code.text]


def _decoded(content: bytes) -> Image.Image | None:
    """The picture as it is to be seen; None when it would unfold to too much."""
    with Image.open(io.BytesIO(content), formats=KINDS) as opened:
        if opened.width * opened.height > MOST_PIXELS:
            return None
        return ImageOps.exif_transpose(opened).convert("RGB")


def credentials_code(issued: Issued, host: str, port: int, tls: bool) -> str:
    """Everything that a device needs to connect, as an image for `src`."""
    content = {
        "host": host,
        "port": port,
        "tls": tls,
        "username": issued.username,
        "password": issued.password,
        "topic": issued.topic,
    }
    return _code(json.dumps(content, separators=(",", ":")))


def label_code(sensor: Sensor) -> str:
    """What the label of a sensor says to a camera: nothing secret."""
    return _code(f"onenet:sensor={sensor.id};serial={sensor.serial};model={sensor.model}")


def _code(text: str) -> str:
    drawn = segno.make(text, error="m", micro=False)
    return str(drawn.svg_data_uri(scale=5, border=3, light="#fff"))
