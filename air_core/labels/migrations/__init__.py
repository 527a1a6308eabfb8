"""How the log of decisions got its tables, one step a file, run by Alembic.

A step never changes once it is released: a log of any earlier version is brought up to date by
running the steps that it lacks, and a new log by running all of them. The next step goes into a
file of its own in ``versions``; :data:`air_core.labels.schema.SCHEMA_VERSION` counts them.
"""
