"""Tells subscribers what is new: those of our hub, programs with webhooks, and an outside hub."""
