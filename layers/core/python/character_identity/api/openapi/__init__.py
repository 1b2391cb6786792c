"""The API described for machines: data about its routes, and the OpenAPI document made of it."""
