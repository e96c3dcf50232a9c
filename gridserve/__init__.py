"""GridServe: grid management (网格化管理、组团式服务) for counties. This package is the core."""

__version__ = "0.1.0"
