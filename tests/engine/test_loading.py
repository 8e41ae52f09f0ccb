"""What is refused, and whether the message says what to do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from diffdx_tui.domain.decoding import Decoding, Mode
from diffdx_tui.domain.events import Finished
from diffdx_tui.domain.vignette import Vignette
from diffdx_tui.engine.catalogue import NO_ADAPTER, ModelSpec, locate
from diffdx_tui.engine.failures import BadAdapter, EngineError, ModelUnavailable
from diffdx_tui.engine.loading import load
from diffdx_tui.engine.local import LocalEngine
from diffdx_tui.engine.placement import place
from diffdx_tui.engine.transformers_decoder import TransformersDecoder


def copy(model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model, tmp_path / "copy"))


def change_json(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_pickled_weights_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    directory = copy(tiny_model, tmp_path)
    (directory / "model.safetensors").rename(directory / "pytorch_model.bin")
    with pytest.raises(ModelUnavailable, match="pickled weights"):
        load(ModelSpec(str(directory)))


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_damaged_files_are_named(tiny_model: Path, tmp_path: Path, name: str) -> None:
    directory = copy(tiny_model, tmp_path)
    path = directory / name
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ModelUnavailable, match=name.replace(".", r"\.")):
        load(ModelSpec(str(directory)))


def test_a_tokenizer_without_chat_tokens_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    directory = copy(tiny_model, tmp_path)
    change_json(directory / "tokenizer.json", added_tokens=[])
    with pytest.raises(ModelUnavailable, match="ChatML"):
        load(ModelSpec(str(directory)))


def test_an_unknown_model_is_told_what_is_known() -> None:
    with pytest.raises(ModelUnavailable, match=r"known model \(mini, hai-0\.5b\)"):
        locate(ModelSpec("gpt-7"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"peft_type": "IA3"}, "adapter type IA3"),
        ({"use_dora": True}, "use_dora"),
        ({"bias": "all"}, "biases"),
    ],
)
def test_other_kinds_of_adapter_are_refused(
    tiny_model: Path, tiny_adapter: Path, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    directory = copy(tiny_adapter, tmp_path)
    change_json(directory / "adapter_config.json", **changes)
    with pytest.raises(BadAdapter, match=message):
        load(ModelSpec(str(tiny_model), adapter=str(directory)))


def test_a_folder_that_is_no_adapter(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(BadAdapter, match="not a PEFT adapter"):
        load(ModelSpec(str(tiny_model), adapter=str(tmp_path)))


def test_no_adapter_can_be_asked_for(tiny_model: Path) -> None:
    assert locate(ModelSpec(str(tiny_model), adapter=NO_ADAPTER)).adapter_directory is None


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_precision_on_the_cpu() -> None:
    with pytest.raises(ModelUnavailable, match="fp16 needs a GPU"):
        place("fp16", 1)
    assert place("auto", 1).reason.startswith("auto: no GPU")
    assert place("auto", 6_000_000).threads == 1, "the second core is the screen's"


def test_unexpected_failures_become_one_line(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object) -> None:
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr(LocalEngine, "warm_up", break_down)
    with pytest.raises(EngineError, match=r"^RuntimeError: first line$"):
        LocalEngine.load(ModelSpec(str(tiny_model)))


@pytest.mark.parametrize("mode", list(Mode))
def test_other_architectures_answer_through_transformers(tmp_path: Path, mode: Mode) -> None:
    """A ChatML model that is not Qwen2 (here a tiny Llama) takes the general path."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from tests.tiny_model import write_tiny_model

    directory = write_tiny_model(tmp_path / "base")
    width = json.loads((directory / "config.json").read_text())["vocab_size"]
    config = LlamaConfig(
        vocab_size=width,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=2048,
    )
    LlamaForCausalLM(config).save_pretrained(directory)
    engine = LocalEngine.load(ModelSpec(str(directory), precision="fp32"))
    assert isinstance(engine._model.decoder, TransformersDecoder)
    first = list(engine.generate(Vignette.parse("pain"), Decoding(mode=mode), "id"))[-1]
    again = list(engine.generate(Vignette.parse("pain"), Decoding(mode=mode), "id"))[-1]
    assert isinstance(first, Finished) and isinstance(again, Finished)
    assert first.raw == again.raw
    assert first.verdict.strict is (mode is Mode.GUIDED)
