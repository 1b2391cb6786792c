"""The one list of routes: a module for each group, and ``table`` with all of them.

Infra makes the API of it, handlers serve by it, and the OpenAPI document is written from it.
"""
