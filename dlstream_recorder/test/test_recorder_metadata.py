from __future__ import annotations

import random
import string

import pytest
from pydantic import ValidationError

from dlstream_recorder import SessionMetadata, SessionSettings, merged, metadata_of


def test_common_words_become_those_of_nwb():
    found = SessionMetadata.model_validate(
        {
            "subject": {"subject_id": "M12", "species": "mouse", "sex": "female", "age": "12 weeks", "weight": "21.5g"},
            "experimenter": "Ada",
        }
    )
    assert found.contents() == {
        "subject": {"subject_id": "M12", "species": "Mus musculus", "sex": "F", "age": "P12W", "weight": "21.5 g"},
        "experimenter": ["Ada"],
    }
    assert found.in_words() == "M12, Mus musculus, F, P12W, 21.5 g; experimenter Ada"


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ({"subject_id": 7}, 'write it in quotes, "7"'),
        ({"weight": 21.5}, "a weight with its unit, such as '21.5 g'"),
        ({"weight": "21,5 g"}, "a weight with its unit"),
        ({"age": "old"}, "a time such as '12 weeks'"),
        ({"age": "P"}, "a time such as '12 weeks'"),
        ({"species": "mus"}, "the Latin name"),
        ({"sex": "X"}, "'F', 'M', 'U' or 'O'"),
        ({"genotype": " "}, "leave the key out"),
        ({"date_of_birth": "1.8.2026"}, "date"),
    ],
)
def test_what_nwb_would_not_take_is_refused(subject, said):
    with pytest.raises(ValidationError) as error:
        SessionMetadata.model_validate({"subject": subject})
    assert said in str(error.value)


def test_entries_are_the_same_as_the_mapping():
    found = SessionMetadata.model_validate(
        {
            "subject": {"subject_id": "M=1.2", "date_of_birth": "2026-08-01"},
            "experimenter": ["Ada", "Bob, C."],
            "notes": "two\nlines: {of} [text]",
            "other": {"cage": 4, "room.left": "a=b", "lit": True},
        }
    )
    again = metadata_of(found.entries())
    assert again.contents() == {**found.contents(), "other": {"cage": "4", "room.left": "a=b", "lit": "true"}}


def test_random_texts_come_through_as_they_are():
    rng = random.Random(7)
    for _ in range(300):
        text = "".join(rng.choice(string.printable) for _ in range(rng.randint(1, 30))).strip() or "x"
        found = metadata_of([f"subject={text}", f"notes={text}", f"other.{rng.randint(0, 9)}={text}"])
        assert found.subject.subject_id == found.notes == text
        assert metadata_of(found.entries()) == found


def test_contradictions_are_refused():
    base = metadata_of(["subject=M1", "subject.sex=F", "lab=A"])
    assert merged(base, metadata_of(["subject=M1", "notes=calm"])).notes == "calm"
    with pytest.raises(ValueError, match=r"subject.subject_id: found 'M2', where 'M1' was given before"):
        merged(base, metadata_of(["subject=M2"]))


def test_a_misspelt_key_has_a_nearest_one():
    with pytest.raises(ValidationError, match=r"subject.genotyp is none. Did you mean 'genotype'"):
        SessionSettings(metadata=["subject.genotyp=Cre"])
