import pytest
import typer

from synthoscope.api.synthesis.v1.synthesis_pb2 import (
    GenerationTally,
    InfoganCodes,
    SyntheticSet,
)
from synthoscope.cli.generation_options import parse_checkpoint, parse_codes, shortfall_of, tallies_of


def test_checkpoints():
    assert parse_checkpoint("best") == "GENERATION_CHECKPOINT_BEST"
    assert parse_checkpoint("") == "GENERATION_CHECKPOINT_UNSPECIFIED"
    with pytest.raises(typer.BadParameter, match="last, average, best"):
        parse_checkpoint("newest")


def test_codes():
    assert parse_codes(-1, None) is None
    assert parse_codes(0, ["1=-0.5"]) == InfoganCodes(category=0, continuous={1: -0.5})
    assert not parse_codes(-1, ["0=1"]).HasField("category")
    for text in ("0", "0=", "x=1", "=1"):
        with pytest.raises(typer.BadParameter, match="POSITION=VALUE"):
            parse_codes(-1, [text])


def test_what_became_of_candidates():
    item = SyntheticSet()
    item.tallies["a"].CopyFrom(GenerationTally(asked=3, made=9, refused={"classifier": 7}, kept=2))
    item.tallies["b"].CopyFrom(GenerationTally(asked=1, made=2, refused={"training_copy": 1}, kept=1))
    rows = tallies_of(item)
    assert [column.header for column in rows.columns] == [
        "class",
        "asked",
        "made",
        "refused: classifier",
        "refused: training_copy",
        "kept",
    ]
    assert list(rows.columns[3].cells) == ["7", "0"]
    assert shortfall_of(item) == "1 images fewer than asked for: the filters refused too many candidates"
    assert shortfall_of(SyntheticSet()) == ""
