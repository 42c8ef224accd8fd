"""Camera paths: keyframes, smooth ways through them, edits and files."""
