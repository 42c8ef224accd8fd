"""From a scene to streamed SOG: levels of detail, each cut into boxes and files."""
