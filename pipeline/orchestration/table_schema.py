"""A contract as Dagster shows it: column schema with Spanish descriptions, and row counts.

What belongs here: metadata built from a contract. What does not: any value of a table.
"""

from typing import Any

import dagster as dg

from pipeline.contract import Contract


def column_schema(contract: Contract) -> dg.TableSchema:
    """The contract's columns for the UI."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=c.name,
                type=str(c.dtype),
                description=f"{c.description} [{c.privacy.value}]",
                constraints=dg.TableColumnConstraints(nullable=c.nullable),
            )
            for c in contract.columns
        ]
    )


def written(contract: Contract, rows: int, label: str, **more: Any) -> dict[str, Any]:
    """Metadata of one written partition: which, how many rows, with what columns."""
    return {
        "periodo": label,
        "dagster/partition_row_count": rows,
        "dagster/column_schema": column_schema(contract),
        **more,
    }
