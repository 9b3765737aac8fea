"""What the machine does well."""

from __future__ import annotations

from pathlib import Path


def cpu_has_bf16() -> bool:
    """Tell whether the CPU multiplies bf16 in hardware (AMX or AVX512-BF16); elsewhere bf16 is slower than fp32."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "amx_bf16" in flags or "avx512_bf16" in flags
