"""Every setting: its name, its default, and what it does. Read from FACECOG_* variables once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from facecog import image
from facecog.errors import InvalidSetting


def setting(
    default: Any, help: str, bounds: tuple[int, int] | None = None, secret: bool = False
) -> Any:
    return field(default=default, repr=not secret, metadata={"help": help, "bounds": bounds})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one facecog runs. `FACECOG_<FIELD>` in capitals sets each field."""

    home: Path = setting(Path("data"), "The folder for faces.db, dataset/ and models/.")
    models: Path | None = setting(None, "The models folder, when it is not HOME/models.")
    engine: str = setting("onnx", "What finds faces and makes templates: onnx or deepface.")
    model: str = setting("sface", "The card of the model that makes templates.")
    precision: str = setting(
        "exact", "What the models compute: exact, as their files were made; or fast, nearly that."
    )
    providers: str = setting(
        "cpu", "What computes: providers of ONNX Runtime, best first, with commas between them."
    )
    deepface_model: str = setting("SFace", "DeepFace's name of the model, for its engine.")
    deepface_detector: str = setting("yunet", "DeepFace's name of the detector, for its engine.")
    database_url: str | None = setting(
        None, "postgresql://user:password@host/name, instead of HOME/faces.db."
    )
    collection: str = setting(
        "default", "The collection that is used where a request or a command names none."
    )
    key: str | None = setting(
        None, "What the home is encrypted with: 32 bytes, as base64url or hex.", secret=True
    )
    key_file: Path | None = setting(
        None, "The file that it is in instead, which nobody else may read."
    )
    new_key: str | None = setting(None, "For `facecog key rotate`: the key to come.", secret=True)
    new_key_file: Path | None = setting(None, "The file that that one is in instead.")
    fpir: float = setting(
        0.001, "The promise: of strangers who are searched, the part that may get a name."
    )
    fmr: float = setting(
        0.0001, "Of comparisons of two people's photos by verify, the part that may match."
    )
    quality: str = setting(
        "standard", "What a face must be like to be registered: strict, standard or off."
    )
    undo_hours: int = setting(
        24, "For how long what was changed or deleted can be undone; 0: not at all.", (0, 8760)
    )
    audit: str = setting(
        "all", "What the audit records: all, changes (not searches and views), or off."
    )
    audit_days: int = setting(90, "For how many days the audit is kept.", (1, 3650))
    max_bytes: int = setting(image.MAX_BYTES, "Largest picture, in bytes.")
    max_pixels: int = setting(image.MAX_PIXELS, "Largest picture, in pixels.")
    access: str = setting(
        "auto",
        "Who is let in: auto, accounts and keys, until there are some this machine; or open.",
    )
    token: str | None = setting(
        None, "An API key, as which commands act instead of as the owner.", secret=True
    )
    tls_certificate: Path | None = setting(
        None, "The certificate of `facecog serve --lan`, in PEM; else facecog makes one."
    )
    tls_key: Path | None = setting(None, "The key of that certificate, in PEM.")
    log: str = setting("text", "How `facecog serve` writes its log to stderr: text or json.")
    threads: int = setting(
        0, "Pictures worked on at once; 0: one more than this process may use cores.", (0, 1000)
    )
    queue: int | None = setting(
        None, "Pictures that may wait for it; not set: six for each at once.", (0, 10_000)
    )
    hosts: str | None = setting(
        None, "Names by which facecog may be opened, beside this machine's own, with commas."
    )
    origins: str | None = setting(
        None, "Web sites whose pages may use the API with a key, with commas; else none may."
    )
    proxies: str | None = setting(
        None, "Addresses or networks of proxies that are believed, with commas; else none is."
    )
    rate: str = setting("3000/minute", "Requests of one client; or off.")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the FACECOG_* variables; an empty one counts as not set.

        Raises:
            InvalidSetting: an unknown FACECOG_ name, or a value of the wrong kind.
        """
        given = {name: value for name, value in environment.items() if value}
        known = {variable(option.name): option for option in fields(cls)}
        for name in given:
            if name.startswith("FACECOG_") and name not in known:
                raise InvalidSetting(f"There is no setting {name}. See docs/configuration.md.")
        return cls(
            **{
                option.name: _parsed(name, given[name], option)
                for name, option in known.items()
                if name in given
            }
        )

    @property
    def models_folder(self) -> Path:
        return self.models or self.home / "models"


def variable(field_name: str) -> str:
    """The environment variable of a field."""
    return f"FACECOG_{field_name.upper()}"


def _parsed(name: str, value: str, option: Field[Any]) -> Any:
    kind, bounds = str(option.type), option.metadata["bounds"]
    if "Path" in kind:
        return Path(value).expanduser()
    if "float" in kind:
        return _rate(name, value)
    if "int" not in kind:
        return value
    return _whole(name, value, bounds)


def _whole(name: str, value: str, bounds: tuple[int, int] | None) -> int:
    least, most = bounds or (1, 10**18 - 1)
    if not value.isdecimal() or len(value) > 18 or not least <= int(value) <= most:
        said = f"from {least:,} to {most:,}" if bounds else "above 0"
        raise InvalidSetting(f"{name} is a whole number {said}, not {value!r}.")
    return int(value)


def _rate(name: str, value: str) -> float:
    try:
        rate = float(value)
    except ValueError:
        rate = math.nan
    if not 0 < rate <= 0.5:
        raise InvalidSetting(f"{name} is a number above 0 and at most 0.5, not {value!r}.")
    return rate
