"""DeepFace as the engine: its detectors and its models, behind facecog's seam. An optional extra.

Faces are found and cut out by `DeepFace.extract_faces` and described by `DeepFace.represent`, so a
template holds the numbers that DeepFace itself gives for that photo, brought to norm 1.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import warnings
from collections.abc import Iterable
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facecog.decision import Calibration
from facecog.domain import Box, Face, Inference, Picture, Pixels, Template
from facecog.errors import ModelUnavailable
from facecog.geometry import ARCFACE_POINTS, align, similarity_transform
from facecog.quality import assess
from facecog.stages import stage

# DeepFace takes TensorFlow or PyTorch where it finds one; the ONNX files are the same everywhere.
os.environ.setdefault("DEEPFACE_BACKEND_ENGINE", "onnx")
# OpenCV says on stderr what it does with its graphs.
os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
# DeepFace's log goes to stdout, where `--json` prints.
os.environ.setdefault("DEEPFACE_LOG_LEVEL", str(logging.CRITICAL))
with warnings.catch_warnings():  # it turns off those of the whole process
    import cv2
    from deepface import DeepFace
    from deepface.modules import modeling, verification
    from deepface.modules.exceptions import FaceNotDetected, ImgNotFound

MODELS: tuple[str, ...] = tuple(modeling.AVAILABLE_MODELS["facial_recognition"])
DETECTORS: tuple[str, ...] = tuple(modeling.AVAILABLE_MODELS["face_detector"])

# What DeepFace and the packages beneath it raise when a file, a package or a network is missing.
REFUSALS = (ValueError, ImportError, OSError, RuntimeError, AttributeError, cv2.error)
# Detectors bring the longer side to hundreds of pixels; a strip thinner than this part of it
# vanishes then, and they throw.
THINNEST = 1 / 50
# DeepFace tells no two people apart by margin. Of the distance that it allows, this part.
MARGIN = 0.1

LANDMARKS = ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left")

# DeepFace keeps its models for the whole process, and detectors keep the size of the last picture.
_one_at_a_time = Lock()


class DeepFaceEngine:
    """FaceEngine on DeepFace. One thread at a time works; others wait."""

    def __init__(self, model: str, detector: str) -> None:
        """
        Args:
            model, detector: names of DeepFace's own, as MODELS and DETECTORS list them.

        Raises:
            ModelUnavailable: there is none of that name, or what it needs is not here and cannot
                be had.
        """
        self._known("model", model, MODELS)
        self._known("detector", detector, DETECTORS)
        self._model, self._detector = model, detector
        self._build("facial_recognition", model)
        self._build("face_detector", detector)
        self._find(np.zeros((64, 64, 3), np.uint8))  # some are only loaded at the first picture

    @property
    def model(self) -> str:
        """Of model and detector: the crop makes the template as much as the network does."""
        return f"deepface/{self._model}+{self._detector}"

    @property
    def inference(self) -> Inference:
        return Inference("exact", "DeepFace")

    @property
    def calibration(self) -> Calibration:
        """DeepFace's own threshold. It states no error rate, so none is promised."""
        distance = float(verification.find_threshold(self._model, "cosine"))
        return Calibration(
            self.model,
            tails=(),
            margin=round(MARGIN * distance, 6),
            data=f"DeepFace's own threshold for {self._model}, without error rates",
            fixed=round(1 - distance, 6),
        )

    def detect(self, picture: Picture) -> tuple[Face, ...]:
        return self._faces(picture, embed=False)

    def embed(self, picture: Picture) -> tuple[Face, ...]:
        return self._faces(picture, embed=True)

    @stage("engine")
    def _faces(self, picture: Picture, embed: bool) -> tuple[Face, ...]:
        if min(picture.image.size) < THINNEST * max(picture.image.size):
            return ()
        bgr = np.ascontiguousarray(picture.pixels[:, :, ::-1])
        faces = [self._face(picture, found, embed) for found in self._find(bgr)]
        return tuple(sorted(faces, key=lambda face: -face.box.width * face.box.height))

    def _face(self, picture: Picture, found: dict[str, Any], embed: bool) -> Face:
        area = found["facial_area"]
        points = landmarks_of(area)
        landmarks = points * np.float32(picture.scale)
        score = min(max(float(found["confidence"]), 0.0), 1.0)
        return Face(
            box=Box(*(float(area[side]) for side in "xywh")).scaled(picture.scale),
            landmarks=landmarks,
            detection_score=score,
            quality=assess(align(picture.image, points), landmarks, picture.size, score),
            template=self._template(found["face"]) if embed else None,
        )

    def _find(self, bgr: Pixels) -> list[dict[str, Any]]:
        try:
            with _one_at_a_time:
                faces: list[dict[str, Any]] = DeepFace.extract_faces(
                    bgr, detector_backend=self._detector, color_face="bgr"
                )
        except (FaceNotDetected, ImgNotFound):
            return []
        except ValueError as error:  # its others: something that the detector needs is not here
            raise _unavailable("detector", self._detector, error) from error
        return faces

    def _template(self, bgr: NDArray[np.float64]) -> Template:
        with _one_at_a_time:
            (found,) = DeepFace.represent(bgr, self._model, detector_backend="skip")
        vector = np.array(found["embedding"], np.float32)
        return Template(vector / max(float(np.linalg.norm(vector)), 1e-12), self.model)

    @staticmethod
    def _known(what: str, name: str, names: Iterable[str]) -> None:
        if name not in names:
            raise ModelUnavailable(
                f"DeepFace has no {what} named {name}. It has: {', '.join(names)}."
            )

    @staticmethod
    def _build(task: str, name: str) -> None:
        try:
            # Some print on their own account what they download.
            with contextlib.redirect_stdout(io.StringIO()), _one_at_a_time:
                modeling.build_model(task, name)
        except REFUSALS as error:
            what = "model" if task == "facial_recognition" else "detector"
            raise _unavailable(what, name, error) from error


def landmarks_of(area: dict[str, Any]) -> NDArray[np.float32]:
    """Five landmarks of a face, in the order of domain.Face, shape (5, 2), in pixels.

    Most of DeepFace's detectors give the eyes alone; nose and mouth then lie where they do in a
    face seen from the front (ARCFACE_POINTS), so that such a face is never said to be turned away.
    Without both eyes that face is laid into the box, as it fills 96x112 of its crop.
    """
    found = [area.get(name) for name in LANDMARKS]
    right, left = found[:2]
    if right is None or left is None or np.hypot(*np.subtract(right, left)) < 1:
        width, height = area["w"], area["h"]
        middle = np.array([area["x"] + width / 2, area["y"] + height / 2], np.float32)
        return (ARCFACE_POINTS - 56) * np.float32(np.sqrt(width * height / (96 * 112))) + middle
    move = similarity_transform(ARCFACE_POINTS[:2], np.array([right, left], np.float32))
    frontal = ARCFACE_POINTS @ move[:, :2].T + move[:, 2]
    points = [own or usual for own, usual in zip(found, frontal, strict=True)]
    return np.array(points, np.float32)


def _unavailable(what: str, name: str, error: Exception) -> ModelUnavailable:
    said = re.sub(r"^\W+", "", " ".join(str(error).split())).rstrip(".")
    return ModelUnavailable(f"DeepFace's {what} {name} cannot be used: {said}.")
