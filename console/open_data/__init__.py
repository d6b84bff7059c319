"""Open data: what the city publishes as tables, for people and programs.

`published` says what that is, `choice` what somebody asks for, `rows` reads it bit by bit, `files`
writes CSV and Parquet of it, `columns` tells what each column means, `routes` and `page` serve it.
"""

from console.open_data.routes import add_open_data

__all__ = ["add_open_data"]
