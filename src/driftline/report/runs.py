"""What a report is made of: a study, an evaluation, or a table of log-likelihoods."""

import json
from pathlib import Path

from pydantic import ValidationError

from driftline.errors import InputError
from driftline.likelihood_table import LikelihoodTable
from driftline.report.evaluation_page import Judgement, evaluation_page
from driftline.report.likelihood_page import likelihood_page
from driftline.report.page import Page
from driftline.report.study_page import study_page
from driftline.study.results import Study, first_problem

STUDY, SCORES, FIGURES = "study.json", "scores.json", "figures"
"""Names of the files, and of the directory of figures beside the scores."""


def page_of(run: Path, card: dict[str, object] | None = None) -> Page:
    """The page of a run.

    Args:
        run: ``study.json``, the scores of an evaluation, or a directory with one of them; or the
            table of ``driftline likelihood``, a file ``.csv``.
        card: of the model, where it is at hand.

    Raises:
        InputError: the run is missing, damaged, or none of these.
    """
    path = result_file(run)
    if path.suffix.lower() == ".csv":
        return likelihood_page(LikelihoodTable.read(path), path.name, card)
    if _is_study(path):
        study = Study.read(path)
        if not study.cells or not study.rows:
            raise InputError(f"{path}: field cells: holds none; run the study again")
        return study_page(study, card)
    figures = path.parent / FIGURES
    return evaluation_page(read_judgement(path), figures if figures.is_dir() else None, card)


def result_file(run: Path) -> Path:
    """The file of a run.

    Raises:
        InputError: there is none.
    """
    if run.is_dir():
        for name in (STUDY, SCORES):
            if (run / name).is_file():
                return run / name
        raise InputError(
            f"{run}: holds neither {STUDY} nor {SCORES}; give the --out of driftline study or "
            "driftline evaluate"
        )
    if not run.exists():
        raise InputError(f"{run}: no such file or directory; check the path")
    return run


def _is_study(path: Path) -> bool:
    """Whether it is a study; else it is an evaluation.

    Raises:
        InputError: it is neither.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: damaged JSON ({error}); make it again") from error
    if isinstance(content, dict):
        if "cells" in content:
            return True
        if "scores" in content:
            return False
    raise InputError(
        f"{path}: neither a study nor an evaluation; give what driftline study, driftline "
        "evaluate or (--out) driftline likelihood wrote"
    )


def read_judgement(path: Path) -> Judgement:
    """The scores of ``driftline evaluate``.

    Raises:
        InputError: the file is damaged, or holds no scores.
    """
    try:
        judgement = Judgement.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InputError(f"{path}: {first_problem(error)}; evaluate again") from error
    if not judgement.scores:
        raise InputError(f"{path}: field scores: holds none; evaluate again")
    return judgement
