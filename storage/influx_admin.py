"""What an administrator does at an InfluxDB, by its own client: with which errors it may end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from storage.port import StoreUnavailable

if TYPE_CHECKING:
    from influxdb_client import InfluxDBClient

    from storage.buckets import InfluxAddress

Done = TypeVar("Done")


def administer(address: InfluxAddress, token: str, act: Callable[[InfluxDBClient], Done]) -> Done:
    """Do it. Raises StoreUnavailable, and ValueError where the token may not do this."""
    done = _tried(address, token, act)
    if isinstance(done, Exception):
        raise done
    return done


def _tried(
    address: InfluxAddress, token: str, act: Callable[[InfluxDBClient], Done]
) -> Done | Exception:
    """What came of it, or what went wrong.

    Given back and not raised: an error that carries the client's frames keeps the client alive
    until the interpreter ends, where its own clearing up fails in public.
    """
    from influxdb_client import InfluxDBClient
    from influxdb_client.client.exceptions import InfluxDBError
    from influxdb_client.rest import ApiException
    from urllib3.exceptions import HTTPError

    try:
        with InfluxDBClient(address.http, token=token, org=address.org) as client:
            return act(client)
    except HTTPError as error:
        return StoreUnavailable(f"{address.http} does not answer ({type(error).__name__})")
    except (ApiException, InfluxDBError) as error:
        return _explained(error, address)
    except ValueError as error:
        return error.with_traceback(None)


def _explained(error: Exception, address: InfluxAddress) -> Exception:
    status = getattr(error, "status", None) or 0
    if status == 429 or status >= 500:
        return StoreUnavailable(f"{address.http} answers {status}")
    return ValueError(
        f"{address.http} answers {status or error}: to make buckets and tokens, give"
        f" ONENET_STORE_TOKEN the administrator's token of the organisation {address.org!r}"
    )
