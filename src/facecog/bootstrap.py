"""The one place that chooses the real parts."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import timedelta
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from facecog.archive import Told
from facecog.config import Settings
from facecog.decision import Calibration
from facecog.engines import FaceEngine
from facecog.engines.cards import SFACE, YUNET, Card, all_cards
from facecog.engines.fetch import ensure, share
from facecog.engines.onnx import PRECISIONS, OnnxEngine
from facecog.engines.runtime import providers_named
from facecog.errors import (
    CollectionNotFound,
    InvalidCard,
    InvalidSetting,
    KeyWrong,
    ModelUnavailable,
    NotEncrypted,
)
from facecog.image import decode
from facecog.index.memory import MemoryIndex
from facecog.quality import POLICIES, Policy
from facecog.service import Facecog
from facecog.store import Store, keyfiles
from facecog.store.audit import LEVELS, Keeping
from facecog.store.opening import opened
from facecog.store.restore import Restored, restore_on_server, restore_on_sqlite

log = logging.getLogger(__name__)

# DeepFace's names of what facecog fetches too, with a check that DeepFace does not make.
DEEPFACES = {"SFace": SFACE, "yunet": YUNET}


def open_facecog(settings: Settings | None = None) -> Facecog:
    """Open a facecog: fetch the models where they are missing, open the database, load the gallery.

    Args:
        settings: read from the environment when not given.

    Raises:
        ModelUnavailable, DatabaseUnavailable, LegacyHome, InvalidSetting, InvalidCard,
        InvalidPromise, KeyMissing, KeyWrong, NotEncrypted; CollectionNotFound: that of
        FACECOG_COLLECTION.
    """
    settings = settings or Settings.from_environment(os.environ)
    open_engine, quality = chosen_engine(settings), chosen_policy(settings)
    with ExitStack() as failed:
        # The store first: a folder that it refuses gets no models either.
        store = open_store(settings)
        failed.callback(store.close)
        collection = chosen_collection(store, settings.collection)
        engine, calibration = open_engine()
        facecog = Facecog(
            engine=engine,
            store=store,
            index=MemoryIndex.of(store, engine.model),
            calibration=calibration,
            decode=partial(decode, max_bytes=settings.max_bytes, max_pixels=settings.max_pixels),
            fpir=settings.fpir,
            fmr=settings.fmr,
            quality=quality,
        )
        _warn_of_other_models(facecog)
        facecog = facecog.within(collection)
        failed.pop_all()
    return facecog


def open_store(settings: Settings) -> Store:
    """Raises: DatabaseUnavailable, LegacyHome, InvalidSetting and those of a key."""
    undo, key = timedelta(hours=settings.undo_hours), chosen_key(settings)
    keeping = chosen_keeping(settings)
    if settings.database_url:
        return Store.on_server(settings.database_url, undo, key, keeping)
    return Store.on_sqlite(settings.home, undo, key, keeping)


def chosen_collection(store: Store, name: str) -> str:
    """Id of that of FACECOG_COLLECTION. Raises: CollectionNotFound."""
    try:
        return store.collections.named(name).id
    except CollectionNotFound:
        raise CollectionNotFound(
            f"FACECOG_COLLECTION is {name}, and there is no collection of that name. `facecog "
            "collections list` says which there are, and `facecog collections add` makes one."
        ) from None


def chosen_keeping(settings: Settings) -> Keeping:
    """What the audit records. Raises: InvalidSetting."""
    for level in LEVELS:
        if level == settings.audit:
            return Keeping(level, settings.audit_days)
    raise InvalidSetting(f"FACECOG_AUDIT is all, changes or off, not {settings.audit}.")


def chosen_key(settings: Settings, new: bool = False) -> bytes | None:
    """What the home is encrypted with; or the key that is to come. Raises: InvalidSetting."""
    name = "FACECOG_NEW_KEY" if new else "FACECOG_KEY"
    text, file = (
        (settings.new_key, settings.new_key_file) if new else (settings.key, settings.key_file)
    )
    if text and file:
        raise InvalidSetting(f"Set either {name} or {name}_FILE, not both.")
    if file:
        return keyfiles.read(file, f"{name}_FILE")
    return keyfiles.parsed(text, name) if text else None


def needed_key(settings: Settings, new: bool = False) -> bytes:
    """The same where there must be one. Raises: InvalidSetting."""
    key = chosen_key(settings, new)
    if key is None:
        name = "FACECOG_NEW_KEY" if new else "FACECOG_KEY"
        raise InvalidSetting(f"Set {name} or {name}_FILE. Make one: facecog key new FILE")
    return key


def encrypt_home(settings: Settings, told: Callable[[int], object]) -> bool:
    """Encrypt all that is stored; False where it was, and only what was left over is wiped.

    Raises:
        InvalidSetting: there is no key. DatabaseUnavailable, LegacyHome, KeyWrong,
        StorageUnavailable.
    """
    key, plain = needed_key(settings), False
    try:
        open_store(settings).close()
    except NotEncrypted:
        plain = True
        with closing(open_store(replace(settings, key=None, key_file=None))) as store:
            store.encrypt(key, told)
    with closing(open_store(settings)) as store:
        if plain:
            store.audit.note("key.init")  # from this line on lines are hashed with a secret
        store.wipe()
    return plain


def restore_home(
    settings: Settings,
    file: Path,
    replace: bool,
    starts: Callable[[int], Told],
) -> Restored:
    """Put a backup in the place of what is in the home.

    Args:
        replace: also where there is something.
        starts: called with how many crops there are; what it returns, with how many more are done.

    Raises:
        InvalidBackup, BackupDamaged, BackupTooNew, HomeInUse, HomeNotEmpty, DatabaseUnavailable,
        StorageUnavailable and those of a key.
    """
    with opened(file, chosen_key(settings)) as backup:
        told = starts(len(backup.crop_ids))
        if settings.database_url:
            restored = restore_on_server(settings.database_url, backup, replace, told)
        else:
            restored = restore_on_sqlite(settings.home, backup, replace, told)
    with closing(open_store(settings)) as store:  # which also forgets the crops of before
        store.audit.note("restore")
    return restored


def rotate_key(settings: Settings) -> int:
    """Wrap the keys of all collections by the new key; how many there are.

    Raises:
        InvalidSetting: a key is missing. KeyWrong, DatabaseUnavailable.
    """
    old, new = needed_key(settings), needed_key(settings, new=True)
    try:
        store = open_store(settings)
    except KeyWrong:  # or one that was killed had done it
        old = new
        store = open_store(replace(settings, key=settings.new_key, key_file=settings.new_key_file))
    with closing(store):
        store.audit.note("key.rotate")
        return store.rotate(old, new)


def chosen_engine(settings: Settings) -> Callable[[], tuple[FaceEngine, Calibration]]:
    """What opens the engine of FACECOG_ENGINE, and says what is known of its scores.

    Raises: InvalidSetting, InvalidCard; when it is called: ModelUnavailable.
    """
    if settings.engine == "onnx":
        providers = providers_named(settings.providers)
        if settings.precision not in PRECISIONS:
            said = " or ".join(PRECISIONS)
            raise InvalidSetting(f"FACECOG_PRECISION is {said}, not {settings.precision}.")
        return partial(
            _onnx_engine,
            chosen_card(settings),
            settings.models_folder,
            settings.precision,
            providers,
        )
    if settings.engine == "deepface":
        return partial(_deepface_engine, settings)
    raise InvalidSetting(f"FACECOG_ENGINE is onnx or deepface, not {settings.engine}.")


def chosen_model(settings: Settings) -> str | None:
    """Name of the model that makes templates, without opening it; None where only that tells.

    Raises: InvalidSetting, InvalidCard.
    """
    return chosen_card(settings).name if settings.engine == "onnx" else None


def chosen_policy(settings: Settings) -> Policy:
    """The policy of FACECOG_QUALITY. Raises: InvalidSetting."""
    for policy in POLICIES:
        if policy == settings.quality:
            return policy
    raise InvalidSetting(f"FACECOG_QUALITY is strict, standard or off, not {settings.quality}.")


def _onnx_engine(
    embedder: Card, models: Path, precision: str, providers: tuple[str, ...]
) -> tuple[FaceEngine, Calibration]:
    ensure([YUNET, embedder], models)
    engine = OnnxEngine(YUNET, embedder, models, precision, providers)
    return engine, calibration_of(embedder)


def _deepface_engine(settings: Settings) -> tuple[FaceEngine, Calibration]:
    if find_spec("deepface") is None:
        raise ModelUnavailable("DeepFace is not installed: pip install 'facecog[deepface]'.")
    model, detector = settings.deepface_model, settings.deepface_detector
    # DeepFace looks for its weights below, and for the home as soon as it is imported.
    home = os.environ.setdefault("DEEPFACE_HOME", str(settings.models_folder / "deepface"))
    ours = [DEEPFACES[name] for name in (model, detector) if name in DEEPFACES]
    share(ours, settings.models_folder, Path(home, ".deepface", "weights"))
    from facecog.engines.deepface import DeepFaceEngine

    engine = DeepFaceEngine(model, detector)
    return engine, engine.calibration


def chosen_card(settings: Settings) -> Card:
    """The card of FACECOG_MODEL. Raises: InvalidSetting, InvalidCard."""
    cards = all_cards(settings.models_folder)
    card = cards.get(settings.model)
    if card is None or card.task != "embed":
        embedders = ", ".join(name for name, card in cards.items() if card.task == "embed")
        raise InvalidSetting(f"There is no model named {settings.model}. There are: {embedders}.")
    return card


def calibration_of(card: Card) -> Calibration:
    """What an embedder's card says of its scores. Raises: InvalidCard."""
    if card.calibration is None:
        raise InvalidCard(f"The model {card.name} has no calibration.")
    return card.calibration


def _warn_of_other_models(facecog: Facecog) -> None:
    _, samples = facecog.counts()
    searched = facecog.gallery_size().samples
    if searched < samples:
        log.warning(
            "%d of %d samples have no template of %s and cannot be recognised with it.",
            samples - searched,
            samples,
            facecog.model,
        )
