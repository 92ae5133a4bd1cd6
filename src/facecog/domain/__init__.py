"""The frozen nouns of facecog (terms of ISO/IEC 2382-37). No behaviour beyond what they mean."""

from facecog.domain.access import Account, ApiKey
from facecog.domain.answers import (
    Candidate,
    Decision,
    Identification,
    IdentifiedFace,
    LookAlikes,
    Operation,
    Verification,
)
from facecog.domain.audit import AuditCheck, AuditLine
from facecog.domain.changes import Change, Kind, Named
from facecog.domain.face import (
    Detection,
    Face,
    Inference,
    Quality,
    Reason,
    Template,
    Vector,
    Vectors,
)
from facecog.domain.gallery import GalleryPart, GallerySize
from facecog.domain.people import Collection, Enrolment, Sample, Subject, Totals
from facecog.domain.picture import Box, Picture, Pixels, PixelSize
from facecog.domain.rights import (
    Agreed,
    Consent,
    ConsentPolicy,
    Due,
    Outcome,
    Place,
    Receipt,
    RetentionPolicy,
)

__all__ = [
    "Account",
    "Agreed",
    "ApiKey",
    "AuditCheck",
    "AuditLine",
    "Box",
    "Candidate",
    "Change",
    "Collection",
    "Consent",
    "ConsentPolicy",
    "Decision",
    "Detection",
    "Due",
    "Enrolment",
    "Face",
    "GalleryPart",
    "GallerySize",
    "Identification",
    "IdentifiedFace",
    "Inference",
    "Kind",
    "LookAlikes",
    "Named",
    "Operation",
    "Outcome",
    "Picture",
    "PixelSize",
    "Pixels",
    "Place",
    "Quality",
    "Reason",
    "Receipt",
    "RetentionPolicy",
    "Sample",
    "Subject",
    "Template",
    "Totals",
    "Vector",
    "Vectors",
    "Verification",
]
