"""Fetch a host from the model hub: the local copy first, then one attempt that fails within seconds."""

import threading
from contextlib import suppress
from pathlib import Path

from evolora.errors import HostError

_PATTERNS = ["*.json", "*.safetensors", "*.model", "*.jinja", "*.txt"]
_PROBE_SECONDS = 8.0


def fetch_from_hub(name: str) -> Path:
    """The local folder of hub model `name` (owner/name), downloaded if it is not there yet.

    Raises:
        HostError: not here, and the hub is unreachable, switched off (HF_HUB_OFFLINE) or has no such model; or no
            name that the hub gives.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        with suppress(LocalEntryNotFoundError):  # not here, or not whole: ask the hub
            return Path(snapshot_download(name, allow_patterns=_PATTERNS, local_files_only=True))
    except HFValidationError as error:
        reason = " ".join(str(error).split())[:200]
        raise HostError(
            f"host {name}: expected a hub id (owner/name), got another name: {reason}; correct it"
        ) from error
    _probe(name)
    try:
        return Path(snapshot_download(name, allow_patterns=_PATTERNS))
    except Exception as error:  # HTTP, disk and hub errors have no common base
        raise HostError(_unreachable(name, error)) from error


def _probe(name: str) -> None:
    """One request for the model's description, without the library's retries, before any download is begun.

    In a thread because a name look-up without a network can hang far longer than any HTTP timeout.
    """
    from huggingface_hub import HfApi

    failures: list[Exception] = []

    def ask() -> None:
        try:
            HfApi().model_info(name, timeout=_PROBE_SECONDS / 2)
        except Exception as error:  # noqa: BLE001 - as above; handed to the caller
            failures.append(error)

    thread = threading.Thread(target=ask, daemon=True, name="hub-probe")
    thread.start()
    thread.join(_PROBE_SECONDS)
    if thread.is_alive():
        raise HostError(_unreachable(name, TimeoutError(f"no answer within {_PROBE_SECONDS:.0f} s")))
    if failures:
        raise HostError(_unreachable(name, failures[0])) from failures[0]


def _unreachable(name: str, error: Exception) -> str:
    reason = " ".join(str(error).split())[:160] or type(error).__name__
    return (
        f"host {name}: expected a local copy or a reachable hub, got {type(error).__name__} ({reason}); "
        "check the name and the connection, give a local directory, or use smollm2-135m, which needs no hub"
    )
