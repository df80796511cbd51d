"""What assets are handed: the profile, the data folder and the two stores, each opened for one step.

What belongs here: Dagster resources. What does not: what the stores do with a connection (`pipeline.stores`).
`DuckDBResource` opens `:memory:` and may leave its connection open after an error, so it is closed here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import dagster as dg
from dagster_duckdb import DuckDBResource

from pipeline import profile as profiles
from pipeline.layout import Layout
from pipeline.stores import keys
from pipeline.stores import open as open_store
from pipeline.stores import restricted as restricted_store
from pipeline.stores.tables import Tables


@lru_cache(maxsize=4)
def _profile(name: str) -> profiles.Profile:
    return profiles.load(name)


class Municipality(dg.ConfigurableResource):
    """The profile in force and the folders of this deployment."""

    profile_name: str
    data: str
    landing: str = ""
    portal: str = ""
    memory: str = "4GB"

    @property
    def profile(self) -> profiles.Profile:
        """The validated profile, read once in each process."""
        return _profile(self.profile_name)

    @property
    def layout(self) -> Layout:
        """Where each wing keeps its files."""
        return Layout.at(self.data)

    @property
    def landing_folder(self) -> Path:
        """Where extracts arrive, one folder a semester."""
        return Path(self.landing).resolve() if self.landing else self.layout.landing

    def prepare(self) -> None:
        """Makes the folders; a portal's must exist before the open wing confines itself to what exists."""
        self.layout.prepare()
        self.portal_folder.mkdir(parents=True, exist_ok=True)

    @property
    def portal_folder(self) -> Path:
        """Where releases go, unless they go to a CKAN."""
        return Path(self.portal).resolve() if self.portal and self.portal_url is None else self.layout.portal

    @property
    def portal_url(self) -> str | None:
        """The address of the CKAN where releases go, or None."""
        return self.portal.rstrip("/") if self.portal.startswith(("http://", "https://")) else None


class OpenWing(dg.ConfigurableResource):
    """The open store inside a DuckDB that is locked for good."""

    municipality: Municipality
    duckdb: DuckDBResource

    @contextmanager
    def tables(self) -> Iterator[open_store.OpenTables]:
        """The open tables for one step."""
        layout = self.municipality.layout
        allowed = [layout.open, self.municipality.portal_folder]
        with self.duckdb.get_connection() as con:
            try:
                with open_store.attached(con, layout.open_db, allowed=allowed) as tables:
                    yield tables
            finally:
                con.close()


class RestrictedWing(dg.ConfigurableResource):
    """The encrypted store and the key that opens it; only the location `restringido` has this resource."""

    municipality: Municipality
    duckdb: DuckDBResource

    @contextmanager
    def tables(self) -> Iterator[Tables]:
        """The restricted tables for one step."""
        layout, memory = self.municipality.layout, self.municipality.memory
        with self.duckdb.get_connection() as con:
            try:
                with restricted_store.attached(
                    con, layout.restricted_db, self._master(), spill=layout.restricted / "tmp", memory=memory
                ) as tables:
                    yield tables
            finally:
                con.close()

    def person_key(self) -> bytes:
        """The key of internal pseudonyms: never leaves this wing, and nothing published derives from it."""
        return keys.derive(self._master(), "persona")

    def key_id(self) -> str:
        """Which key was in use, for the ledger; says nothing about the key."""
        return keys.derive(self._master(), "identificador").hex()[:16]

    def _master(self) -> bytes:
        return keys.load_or_create(self.municipality.layout.key_file)
