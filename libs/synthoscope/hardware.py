"""What a machine is, for records of measurements."""

import platform
from pathlib import Path

_CPU_INFORMATION = Path("/proc/cpuinfo")


def processor_name() -> str:
    """The processor's name as Linux tells it, or what Python knows of it elsewhere, its kind at least."""
    lines = _CPU_INFORMATION.read_text().splitlines() if _CPU_INFORMATION.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
