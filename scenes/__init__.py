"""What was captured: scenes, cameras and camera paths as frozen NumPy data, and their files."""
