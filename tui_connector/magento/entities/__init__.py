"""The entities that can be read from and sent to Magento: paths, identifiers and required permissions.

Paths and permissions are from the webapi.xml files of Magento 2.4 (Magento_Catalog, Magento_Sales, …), searchable
columns from db_schema.xml; a test compares them with the schema of a real store.
"""

from __future__ import annotations

from types import MappingProxyType

from .entity import PERMISSION_PATHS, Readable, Writable, permission_path
from .readable import READABLES
from .writable import WRITABLES

__all__ = ["PERMISSION_PATHS", "READABLE", "WRITABLE", "Readable", "Writable", "permission_path"]

READABLE = MappingProxyType({entity.name: entity for entity in READABLES})
WRITABLE = MappingProxyType({entity.name: entity for entity in WRITABLES})
