"""The sandbox's parts of all systems, as the command line hands them over."""

from sync_pipelines.systems import SYSTEMS

PARTS = [system.sandbox for system in SYSTEMS]
