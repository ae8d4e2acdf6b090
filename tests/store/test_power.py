"""The power is cut: what was not synced is gone, what was promised is there, and no seq is given twice."""

import random
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from agent.core.errors import StoreError
from agent.store.reader import open_reader
from tests.store.card import CannotMountError, Card
from tests.store.nursery import Nursery

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
SLACK_S = 0.25
"""A commit may be under way for so long on this machine (our assumption)."""


@pytest.fixture(scope="module")
def nursery():
    with Nursery() as nursery:
        yield nursery


@pytest.fixture
def card(request):
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder, ExitStack() as stack:
        try:
            yield stack.enter_context(Card(folder))
        except CannotMountError as fault:
            pytest.skip(str(fault))


def test_the_switch_works(card):
    with (card.at / "synced").open("w") as file:
        file.write("a" * 100)
        file.flush()
        __import__("os").fsync(file.fileno())
    (card.at / "unsynced").write_text("b" * 100)
    with card.cut() as new:
        assert (new.at / "synced").read_text() == "a" * 100
        assert not (new.at / "unsynced").exists() or not (new.at / "unsynced").read_text()


@pytest.mark.parametrize(("commit_s", "longest_s", "cuts"), [(0.0, 0.25, 8), (0.5, 1.5, 4)])
def test_a_cut_takes_at_most_what_commit_s_says(nursery, card, commit_s, longest_s, cuts):
    fault = cut_often(nursery, card, random.Random(1), commit_s, longest_s, cuts)
    assert fault is None


def cut_often(nursery, card, dice, commit_s, longest_s, cuts):
    """The first thing that was wrong, or None. Each life begins on the card that the cut before it left."""
    first = given = 0
    with ExitStack() as stack:
        for cut in range(cuts):
            cards = []
            life = nursery.life(
                card.at / "s.db",
                first,
                "give",
                after_s=dice.uniform(0.02, longest_s),
                commit_s=commit_s,
                at_end=lambda card=card, cards=cards: cards.append(card.cut()),
            )
            card = stack.enter_context(cards[0])
            sure = [p.number for p in life.promises if not commit_s or p.at_s < life.ended_s - commit_s - SLACK_S]
            given = max(given, life.given)
            try:
                with open_reader(card.at / "s.db") as reader:
                    numbers = reader.history(["a.b"], 0, 3e9)["a.b"].values.tolist()
                    last_seq = reader.counts().last_seq
            except StoreError as fault:
                if first or sure:
                    return f"cut {cut}: {fault}"
                numbers, last_seq = [], 0
            if numbers != list(range(len(numbers))):
                return f"cut {cut}: not in order: {numbers[:20]}"
            if sure and len(numbers) <= sure[-1]:
                return f"cut {cut}: {sure[-1]} was promised, {len(numbers)} are there"
            if last_seq < given:
                return f"cut {cut}: seq {given} was given away, the last is {last_seq}"
            first = len(numbers)
    return None
