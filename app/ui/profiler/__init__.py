"""Parts of the profiler panel: table, history plot, and what draws their cells."""
