"""Evaluates a session: reads its tables, and makes its summary and its figures."""
