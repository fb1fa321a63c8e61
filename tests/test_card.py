"""Cards as readers see them: nothing is repeated, nothing is thousands of lines long."""

import driftline
from driftline.card import readable
from driftline.models import shipped_models


def trained(finished, **more):
    stages = {"image": {"steps": 1200, "validation_losses": [[i, 0.5 / i] for i in range(1, 31)]}}
    return {"training": {"stages": stages, "finished": finished}, **more}


def test_what_a_training_went_on_from_has_a_line_each():
    first = trained("1 May", name="one")
    card = {"recipe": {"steps": 7}, **trained("3 May"), "start": trained("2 May", start=first)}
    told = readable(card | {"name": "three"})
    assert next(iter(told)) == "name"
    assert told["start"] == [
        "image 1,200 steps, finished 2 May",
        "one, image 1,200 steps, finished 1 May",
    ]
    assert told["recipe"] == {"steps": 7}
    losses = told["training"]["stages"]["image"]["validation_losses"]
    assert losses == f"30 entries, the last {[30, 0.5 / 30]}"


def test_students_before_have_a_line_each_and_a_teacher_of_itself_none():
    before = trained("1 May", method="paths", steps=4, teacher={"fingerprint": "a"})
    own = trained("2 May", method="paths", steps=4, start=before)
    own["teacher"] = {"fingerprint": "b", "distillation": before}
    line = "paths to 4 evaluations, image 1,200 steps, finished 1 May"
    told = readable({"distillation": own})["distillation"]
    assert told["start"] == [line]
    assert told["teacher"] == {"fingerprint": "b"}
    del own["start"]
    told = readable({"distillation": own})["distillation"]
    assert told["teacher"]["distilled by"] == [line]
    assert "start" not in told


def test_scores_have_a_line_for_each_metric():
    scores = [
        {"class": c, "metric": m, "value": f"{m}{c}", "floor": "0", "note": ""}
        for c in "tq"
        for m in ("W1M", "W1P")
    ]
    told = readable({"evaluation": {"command": "driftline evaluate", "scores": scores}})
    assert told["evaluation"]["command"] == "driftline evaluate"
    assert told["evaluation"]["scores"] == {
        "W1M": "t W1Mt (0); q W1Mq (0)",
        "W1P": "t W1Pt (0); q W1Pq (0)",
    }


def test_shipped_cards_are_short():
    for name in shipped_models():
        if name != "ssnet64":
            assert len(str(readable(driftline.load(name).card))) < 20_000, name
