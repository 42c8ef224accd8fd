"""Camera-path formats, one module each; found by :func:`scenes.paths.files.path_formats`."""
