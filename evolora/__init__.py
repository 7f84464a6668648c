"""Artificial life whose organisms are LoRA adapters living in a frozen language model."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evolora.api import Run, World, simulate

__version__ = "0.1.0"
__all__ = ["Run", "World", "__version__", "simulate"]


def __getattr__(name: str) -> Any:
    """`World`, `Run` and `simulate`, imported when first asked for: `import evolora` alone costs nothing."""
    if name in ("Run", "World", "simulate"):
        from evolora import api

        return vars(api)[name]
    raise AttributeError(f"module 'evolora' has no attribute '{name}'; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
