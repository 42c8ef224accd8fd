"""Snapshots of instant-ngp."""
