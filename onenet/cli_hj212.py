"""`onenet hj212`: send as a data logger would, to try a gateway."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from onenet.cli_sensors import out

hj212 = typer.Typer(help="HJ 212, the protocol of data loggers.", no_args_is_help=True)


@hj212.command("send")
def send(
    content: Annotated[str, typer.Argument(help="Items: 'w01018-Rtd=41.5,w01018-Flag=N;…'.")],
    mn: Annotated[str, typer.Option(help="The logger's MN.")],
    password: Annotated[
        str, typer.Option(envvar="ONENET_LOGGER_PASSWORD", help="Its PW; better by env.")
    ],
    host: Annotated[str, typer.Option(help="Of the gateway.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Of the gateway.")] = 9212,
    cn: Annotated[str, typer.Option(help="2011 live, 2051 minutes, 2061 hours, 2031 days.")] = (
        "2011"
    ),
    st: Annotated[str, typer.Option(help="32 waste water, 31 flue gas, 22 air …")] = "32",
    answer_s: Annotated[float, typer.Option(help="Wait so long for an answer, four times.")] = 5.0,
) -> None:
    """Send one upload of this moment and show the answer; again three times where none comes."""
    from simulators.data_logger import DataLogger, upload

    logger = DataLogger(host, port, answer_s)
    now = datetime.now(UTC)
    try:
        answer = logger.report(upload(now, content, mn=mn, password=password, st=st, cn=cn))
    finally:
        logger.close()
    if answer is None:
        raise ConnectionError(
            f"{host}:{port} gave no answer to {logger.sent} frames: wrong MN or password, or the "
            "gateway or its broker is away; see its dead letters and /metrics"
        )
    out.print(f"answered, frames sent: {logger.sent}", highlight=False)
    out.print(answer.replace(f"PW={password}", "PW=***"), markup=False, highlight=False)
