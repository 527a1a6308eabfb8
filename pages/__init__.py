"""The interface: thin pages over air_core."""
