"""Where each wing keeps its files below the data folder.

What belongs here: paths and the folders' modes. What does not: opening anything.
"""

import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Layout:
    """The data folder of one deployment; every path is absolute."""

    data: Path

    @classmethod
    def at(cls, data: str | Path | None = None) -> "Layout":
        """The layout below `data`, by default PQRSD_DATA or `data/` in the clone."""
        return cls(Path(data or os.environ.get("PQRSD_DATA") or REPOSITORY / "data").expanduser().resolve())

    @property
    def landing(self) -> Path:
        """Landing files, one folder a semester: restricted."""
        return self.data / "aterrizaje"

    @property
    def restricted(self) -> Path:
        """The restricted wing's own folder."""
        return self.data / "restringido"

    @property
    def restricted_db(self) -> Path:
        """The encrypted database."""
        return self.restricted / "restringido.duckdb"

    @property
    def key_file(self) -> Path:
        """The master key, mode 600, made on first use; PQRSD_KEY_FILE moves it (a path, never the key)."""
        moved = os.environ.get("PQRSD_KEY_FILE")
        return Path(moved).resolve() if moved else self.restricted / "clave"

    @property
    def open(self) -> Path:
        """The open wing's folder."""
        return self.data / "abierto"

    @property
    def open_db(self) -> Path:
        """The open database."""
        return self.open / "abierto.duckdb"

    @property
    def ledger(self) -> Path:
        """The disclosure ledger: no personal data, hash-chained, read by both wings."""
        return self.open / "libro.jsonl"

    @property
    def disclosed(self) -> Path:
        """Everything that ever passed the door, by digest: public bytes, withdrawn ones too."""
        return self.open / "divulgado"

    @property
    def work(self) -> Path:
        """Charts, reports and releases being built."""
        return self.open / "trabajo"

    @property
    def portal(self) -> Path:
        """The default portal: a local folder."""
        return self.data / "portal"

    @property
    def dagster_home(self) -> Path:
        """The persistent Dagster instance."""
        return self.data / "dagster"

    def prepare(self) -> None:
        """Makes the folders, the restricted ones closed to others."""
        for folder in (self.data, self.open, self.work, self.portal, self.dagster_home):
            folder.mkdir(parents=True, exist_ok=True)
        for folder in (self.landing, self.restricted):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)

    @property
    def closed_to_open_wing(self) -> tuple[Path, ...]:
        """What the open wing must not read."""
        return (self.landing, self.restricted, self.key_file)
