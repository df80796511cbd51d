"""The folder a consumer downloads: how it is written, judged and verified again from its bytes alone.

What belongs here: serialisation, metadata, quality, manifest, public verification. What does not: where the tables
come from, privacy decisions, and where the folder goes (`pipeline.portal`).
"""

from pipeline.release.build import build
from pipeline.release.inputs import Change, Frame, Product, ReleaseError, ReleaseInputs
from pipeline.release.manifest import Manifest

__all__ = ["Change", "Frame", "Manifest", "Product", "ReleaseError", "ReleaseInputs", "build"]
