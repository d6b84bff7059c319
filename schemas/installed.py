"""Data files that an installation may replace by its own: read, checked, refused with the place."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

Data = TypeVar("Data", bound=BaseModel)


def installed(model: type[Data], variable: str, package: str, name: str) -> Data:
    """The file that an environment variable names, or the one shipped in a package.

    Raises ValueError that names file, field and rule.
    """
    named = os.environ.get(variable)
    source = Path(named) if named else resources.files(package).joinpath(name)
    try:
        return model.model_validate(yaml.safe_load(source.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{source} ({variable}): {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{source}: {where}: {first['msg']}") from None
