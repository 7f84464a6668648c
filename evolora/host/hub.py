"""Fetch a host from the model hub: the local copy first, then one attempt that fails within seconds."""

from pathlib import Path

from evolora.errors import HostError

_PATTERNS = ["*.json", "*.safetensors", "*.model", "*.jinja", "*.txt"]


def fetch_from_hub(name: str) -> Path:
    """The folder of hub model `name`."""
    from huggingface_hub import HfApi, snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=_PATTERNS, local_files_only=True))
    except Exception as error:  # noqa: BLE001
        raise HostError(f"hub {name}: {error}") from error
