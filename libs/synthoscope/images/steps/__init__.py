"""The steps of preprocessing, one a file: each a frozen dataclass, checked when it is read from its message.

OpenCV is imported where it is used, so that checking a pipeline, as the command line does, does not load it.
"""
