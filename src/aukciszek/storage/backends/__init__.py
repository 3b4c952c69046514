"""The kinds of database: SQLite in a file, or a PostgreSQL server, behind one interface.

A backend runs plain functions of a SQLAlchemy connection in transactions or on snapshots, and tells which errors are
faults of the storage. It knows no table and no repository.
"""
