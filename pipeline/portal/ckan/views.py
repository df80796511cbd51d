"""What people see of a resource on its page: the table, the report, the chart.

What belongs here: CKAN's resource views. What does not: what is in them.

`resource_view_create` makes another view each time, so it is looked at first. Only the preview of a table is required:
a portal without the plugins for web pages or images shows a link instead.
"""

from typing import Any

from pipeline.portal.ckan.card import Resource
from pipeline.portal.ckan.client import Client
from pipeline.portal.errors import PortalError, PortalUnavailable

TABLE = "datatables_view"
_KINDS = {"HTML": ("webpage_view", "Página"), "SVG": ("image_view", "Gráfico")}


def add(client: Client, resource: Resource) -> None:
    """Gives the resource its view, unless it has one; raises `PortalError` where a table cannot have one."""
    kind, title = (TABLE, "Tabla") if resource.table else _KINDS.get(resource.format, ("", ""))
    if not kind:
        return

    def there() -> Any:
        return next((v for v in client.read("resource_view_list", id=resource.id) if v["view_type"] == kind), None)

    if there() is not None:
        return
    wanted = {"resource_id": resource.id, "title": title, "description": resource.description, "view_type": kind}
    try:
        client.write("resource_view_create", wanted, look=there)
    except PortalUnavailable:
        raise
    except PortalError:
        if kind == TABLE:
            raise


def has_table(client: Client, resource_id: str) -> bool:
    """Whether this reader gets the preview of a table."""
    return any(v["view_type"] == TABLE for v in client.read("resource_view_list", id=resource_id))
