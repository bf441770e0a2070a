"""Measure the speed, memory and start of Sluice beside hand-written Python: `python -m bench`."""
