"""The installed version."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("gan-lab")
except PackageNotFoundError:  # read from a folder of sources
    VERSION = "not installed"
