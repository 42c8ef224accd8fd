"""Export: the form, what it means as data, and the queue of jobs.

``choices`` is plain Python and tested without a window; the rest draws and listens.
"""
