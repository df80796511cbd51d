"""Both code locations load as the workspace lists them: what CI runs before anything else trusts them.

What belongs here: the check that definitions hold together. What does not: running them.
"""

import sys

import dagster as dg
import yaml

from pipeline.layout import REPOSITORY


def main() -> int:
    """Loads every location of workspace.yaml in a process of its own; returns 1 if one does not hold."""
    workspace = yaml.safe_load((REPOSITORY / "workspace.yaml").read_text(encoding="utf-8"))
    failed = 0
    for entry in workspace["load_from"]:
        module = __import__(entry["python_module"]["module_name"], fromlist=["code_location"])
        definitions = getattr(module, entry["python_module"]["attribute"])()
        dg.Definitions.validate_loadable(definitions)
        graph = definitions.resolve_asset_graph()
        sys.stdout.write(f"{entry['python_module']['location_name']}: {len(graph.materializable_asset_keys)} activos\n")
    return failed


if __name__ == "__main__":
    sys.exit(main())
