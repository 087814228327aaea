"""Answers requests: reads the request, asks the store, maps errors to statuses, nothing else."""
