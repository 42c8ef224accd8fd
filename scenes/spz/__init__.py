"""The .spz format: planar arrays of bytes in a gzip stream or in zstd streams."""
