"""The timeline: ruler, keys, editing gestures and playback.

``scale``, ``layout``, ``playback`` and ``editing`` are plain Python and are tested without a
window; the rest draws and listens.
"""
