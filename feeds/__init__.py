"""Reads health-policy news, keeps its stories and publishes them by topic.

Data flows one way: source bytes -> ingest -> store -> publish -> web.
"""
