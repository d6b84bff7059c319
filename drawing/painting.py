"""Templates of a room, with what all of them need: shapes, numbers, colours."""

from __future__ import annotations

from jinja2 import ChoiceLoader, Environment, PackageLoader, PrefixLoader, StrictUndefined

from drawing.numbers import city_time, ink, item_name, item_names, number, paint, unit


def templates(package: str) -> Environment:
    """The templates of a package; those of this one are there as `drawing/…`.

    Everything is escaped, and a name that is not given is an error.
    """
    made = Environment(
        loader=ChoiceLoader(
            [PackageLoader(package), PrefixLoader({"drawing": PackageLoader("drawing")})]
        ),
        autoescape=True,
        undefined=StrictUndefined,
    )
    made.globals.update(
        city_time=city_time,
        number=number,
        unit=unit,
        item_name=item_name,
        item_names=item_names,
        colour=paint,
        ink=ink,
    )
    return made
