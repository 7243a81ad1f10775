"""Requests that are sent by hand: paths and queries as they are typed, what is doubtful in them, and the sending."""
