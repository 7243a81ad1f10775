"""Reads what other tools write: curl commands, Postman collections, OpenAPI documents, HAR files and exports.

One module of `formats` for each format; `reading.read` chooses it by the content.
"""
