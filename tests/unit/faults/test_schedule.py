"""What a seed means."""

from collections import Counter

from scripts.faults.drops import Drops
from scripts.faults.people import CLIENTS, CONVERSATIONS, GROUP_SIZES, circles_of, make_people
from scripts.faults.schedule import make_schedule, steps_of


def test_the_same_seed_is_the_same_run_and_another_is_another() -> None:
    assert make_schedule(7, 5) == make_schedule(7, 5)
    assert make_schedule(7, 5) != make_schedule(8, 5)


def test_each_part_is_killed_as_often_as_was_asked_for_and_the_rest_happens_once() -> None:
    steps = steps_of(make_schedule(1, 6))
    kills = Counter(step.part for step in steps if step.kind == "kill")
    assert kills == {"broker": 6, "archiver": 6, "postgres": 6, "api master": 3, "api worker": 3, "client": 6}
    others = Counter(step.kind for step in steps if step.kind != "kill")
    assert others == {"freeze": 1, "cut": 1, "wipe": 1, "fill": 1, "clock": 1, "remove": 3}


def test_a_long_run_freezes_and_cuts_more_than_one_part() -> None:
    steps = steps_of(make_schedule(1, 100))
    assert len([step for step in steps if step.kind == "kill"]) == 500
    assert len({step.part for step in steps if step.kind == "freeze"}) == 3
    assert {step.part for step in steps if step.kind == "cut"} == {"client", "archiver"}


def test_faults_overlap_on_different_parts_and_strike_while_others_last() -> None:
    rounds = make_schedule(1, 100)
    steps = steps_of(rounds)
    assert [step.number for step in steps] == list(range(1, 566))
    assert all(len({step.place for step in each.steps}) == len(each.steps) for each in rounds)
    assert all(len(each.steps) == 1 for each in rounds if each.steps[0].kind == "clock")
    assert {len(each.steps) for each in rounds} == {1, 2, 3, 4}
    assert sum(len(each.steps) > 1 for each in rounds) > len(rounds) / 3
    assert any(
        step.delay < first.seconds
        for first, *others in (each.steps for each in rounds)
        for step in others
        if first.seconds
    )
    assert {each.is_busy for each in rounds} == {True, False}


def test_each_part_is_killed_alone_and_together_with_each_other() -> None:
    rounds = make_schedule(1, 100)
    names = {step.place for step in steps_of(rounds)}
    pairs = {frozenset((a.place, b.place)) for each in rounds for a in each.steps for b in each.steps}
    assert pairs == {frozenset((a, b)) for a in names for b in names}
    assert {each.steps[0].place for each in rounds if len(each.steps) == 1} == names


def test_without_kills_nothing_happens() -> None:
    assert make_schedule(1, 0) == ()


def test_the_messages_are_shared_out_and_the_sides_of_a_conversation_are_in_two_processes() -> None:
    people = make_people(10_001)
    clients = {person.name: person.client for person in people}
    assert sum(person.quota for person in people) == 10_001
    assert max(person.quota for person in people) - min(person.quota for person in people) == 1
    assert all(clients[person.name] != clients[person.others[0]] for person in people if not person.title)
    assert len(set(clients.values())) == CLIENTS


def test_the_brokers_counter_is_added_up_over_its_lives() -> None:
    drops = Drops()
    drops.note(None)
    assert not drops.was_told
    drops.note(0)
    drops.note(2)
    drops.note(None)
    drops.begin_anew()
    drops.note(1)
    assert (drops.total, drops.was_told) == (3, True)


def test_some_conversations_are_groups_whose_members_all_write_from_several_processes() -> None:
    circles = circles_of(make_people(10_000))
    groups = [circle for circle in circles if circle[0].title]
    assert len(circles) == CONVERSATIONS
    assert [len(group) for group in groups] == list(GROUP_SIZES)
    assert all(len(circle) == 2 for circle in circles if circle not in groups)
    for group in groups:
        names = {member.name for member in group}
        assert all({member.name, *member.others} == names and member.quota for member in group)
        assert len({member.client for member in group}) == min(len(group), CLIENTS)


def test_a_round_has_one_removal_at_most_alone_or_amid_faults_of_every_part() -> None:
    rounds = make_schedule(1, 100)
    removals = [each for each in rounds if any(step.kind == "remove" for step in each.steps)]
    assert len(removals) == 50
    assert {len(each.steps) == 1 for each in removals} == {True, False}
    assert {step.place for each in removals for step in each.steps} == {step.place for step in steps_of(rounds)}
