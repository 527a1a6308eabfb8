"""A report of an audit for people: one HTML file that needs nothing else."""

from air_core.report.page import compose_report, write_report

__all__ = ["compose_report", "write_report"]
