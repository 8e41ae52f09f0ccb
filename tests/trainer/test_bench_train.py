"""The comparison with TRL says what it lacks; the measurement itself is `make bench-train`."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import pytest

from trainer import bench_train


def test_without_trl_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def version(name: str) -> str:
        if name == "trl":
            raise PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(bench_train, "version", version)
    assert bench_train.main(["standin"]) == 4
    assert "trl is not installed: `make bench-train`" in capsys.readouterr().err
