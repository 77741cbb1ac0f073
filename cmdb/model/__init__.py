"""The class catalogue as data, with the names of makers and the words that only look like values."""

from cmdb.model.names import is_placeholder, vendor_slug

__all__ = ["is_placeholder", "vendor_slug"]
