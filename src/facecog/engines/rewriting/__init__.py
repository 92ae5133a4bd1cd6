"""Rewriting ONNX graphs so that they compute the same numbers in less time.

Every rewrite takes a model and gives another that is equal in exact arithmetic, whatever the model
is; what cannot be rewritten so is left as it is. New weights are computed in float64 and rounded
once. quantise.py alone gives some exactness away. Imports `onnx`, which takes a while: only what
has to prepare a file imports from here.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError
from onnx import load_model_from_string

from facecog.engines.cards import Card
from facecog.engines.rewriting.folds import folded
from facecog.engines.rewriting.heads import merge_heads
from facecog.engines.rewriting.inputs import any_size, take_pictures


def exact(data: bytes, card: Card) -> bytes:
    """The ONNX file of a card, folded and fed pixels as they are; a detector's of any size.

    Raises:
        ValueError: it is not understood.
    """
    try:
        model = load_model_from_string(data)
    except DecodeError as error:
        raise ValueError("it is not in ONNX's own format") from error
    if card.task == "detect":
        model = merge_heads(any_size(model))
    made = folded(take_pictures(model, card.channels, card.mean, card.scale))
    return bytes(made.SerializeToString())
