"""What the machine does well, what of it is free, and where it keeps what need not be made again."""

from gan_lab.hardware.choice import Choice, cast_to, choose, follow_rule, promises_bf16
from gan_lab.hardware.memory import keep_freed_memory, peak_memory, total_memory, user_cache
from gan_lab.hardware.speeds import Speeds, Way, get_speeds, has_dtype, list_ways
from gan_lab.hardware.threads import fit_threads, keep_threads, settle_threads, survive_forks

__all__ = [
    "Choice",
    "Speeds",
    "Way",
    "cast_to",
    "choose",
    "fit_threads",
    "follow_rule",
    "get_speeds",
    "has_dtype",
    "keep_freed_memory",
    "keep_threads",
    "list_ways",
    "peak_memory",
    "promises_bf16",
    "settle_threads",
    "survive_forks",
    "total_memory",
    "user_cache",
]
