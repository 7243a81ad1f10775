"""Reads what other tools write: curl commands, Postman collections, OpenAPI documents, HAR files and exports.

One module for each format; `importers.read` chooses it by the content.
"""
